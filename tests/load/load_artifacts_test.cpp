// Tests of TCP's marks in latencies (delayed ACK, retransmission): each is named, and a slow server is not
// mistaken for one. Each error has a hint.
#include "client/load/analysis/tcp_artifacts.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/error_hints.hpp"
#include "tests/support/scripted_server.hpp"

#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

std::string codes_of(const load_result& result) {
    std::string codes;
    for (const auto& artifact : tcp_artifacts_in(result)) codes += (codes.empty() ? "" : " ") + artifact.code;
    return codes;
}

load_result result_with(std::chrono::nanoseconds usual, std::uint64_t count) {
    load_result result;
    for (std::uint64_t i = 0; i < count; ++i) result.stats.latency.record(usual + i * 1us);
    return result;
}

} // namespace

TEST_CASE("a heap of replies at a timer of TCP is named") {
    auto result = result_with(100us, 1'000);
    CHECK(codes_of(result).empty());
    for (int i = 0; i < 20; ++i) result.stats.latency.record(40ms + i * 100us);
    CHECK(codes_of(result) == "delayed-ack");
    CHECK(tcp_artifacts_in(result)[0].count == 20);
    for (int i = 0; i < 20; ++i) result.stats.latency.record(201ms + i * 100us);
    for (int i = 0; i < 20; ++i) result.connecting.record(1'020ms);
    CHECK(codes_of(result) == "delayed-ack retransmission syn-retry");
}

TEST_CASE("latencies that lie everywhere are nobody's mark") {
    load_result result;
    for (int i = 1; i < 4'000; ++i) result.stats.latency.record(i * 1ms);
    CHECK(codes_of(result).empty());
    load_result slow = result_with(35ms, 10'000); // 35 to 45 ms
    CHECK(codes_of(slow).empty());
}

TEST_CASE("first replies that take far longer than later ones have waited in the accept queue") {
    auto result = result_with(100us, 1'000);
    for (int i = 0; i < 50; ++i) result.stats.first_answers.record(30ms + i * 1ms);
    CHECK(codes_of(result) == "accept-queue");
}

TEST_CASE("a server that writes a reply in two, against Nagle's advice, is found") {
    const scripted_server server{[](connection& connection, int) {
        const int off = 0;
        setsockopt(connection.descriptor(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
        read_buffer buffer;
        for (;;) {
            const std::string chunk{connection.read_some(buffer).value_or("")};
            if (chunk.empty()) return;
            write_all(connection, chunk.substr(0, 1));
            write_all(connection, chunk.substr(1, 1));
            write_all(connection, chunk.substr(2));
        }
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.total = 40;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.errors.count() == 0);
    // The kernel decides if it delays an acknowledgement. If it does, the delay is found.
    if (result.stats.latency.value_at_percentile(50) >= 40ms &&
        result.stats.latency.value_at_percentile(90) < 47ms)
        CHECK(codes_of(result) == "delayed-ack");
}

TEST_CASE("connections whose first reply comes late are measured apart") {
    const scripted_server server{[](connection& connection, int) {
        std::this_thread::sleep_for(20ms); // time to get ready
        echo(connection);
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 30;
    options.total = 3'000;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.first_answers.count() == 30);
    CHECK(result.stats.first_answers.max() <= result.stats.latency.max());
}

TEST_CASE("failures have remedies") {
    CHECK(hint_for({phase::connect, "connect", "ECONNREFUSED", ""}).starts_with("nobody listens there"));
    CHECK(hint_for({phase::read, "recv", "ETIMEDOUT", ""}).starts_with("the server is stuck"));
    CHECK(hint_for({phase::resolve, "", "anything", ""}).starts_with("the name is not known"));
    CHECK(hint_for({phase::connect, "connect", "EPROTO", ""}).empty());
}

} // namespace parley
