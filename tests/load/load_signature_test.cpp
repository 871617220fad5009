// What TCP's timers leave in the latencies is named; a slow server is not taken for one. Each error has a
// remedy.
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
    std::string all;
    for (const auto& each : tcp_artifacts_in(result)) all += (all.empty() ? "" : " ") + each.code;
    return all;
}

load_result answered_in(std::chrono::nanoseconds usual, std::uint64_t count) {
    load_result result;
    for (std::uint64_t each = 0; each < count; ++each) result.stats.latency.record(usual + each * 1us);
    return result;
}

} // namespace

TEST_CASE("a heap of answers at a timer of TCP is named") {
    auto result = answered_in(100us, 1'000);
    CHECK(codes_of(result).empty());
    for (int each = 0; each < 20; ++each) result.stats.latency.record(40ms + each * 100us);
    CHECK(codes_of(result) == "delayed-ack");
    CHECK(tcp_artifacts_in(result)[0].count == 20);
    for (int each = 0; each < 20; ++each) result.stats.latency.record(201ms + each * 100us);
    for (int each = 0; each < 20; ++each) result.connecting.record(1'020ms);
    CHECK(codes_of(result) == "delayed-ack retransmission syn-retry");
}

TEST_CASE("latencies that lie everywhere are nobody's mark") {
    load_result result;
    for (int each = 1; each < 4'000; ++each) result.stats.latency.record(each * 1ms);
    CHECK(codes_of(result).empty());
    load_result slow = answered_in(35ms, 10'000); // 35 to 45 ms
    CHECK(codes_of(slow).empty());
}

TEST_CASE("first answers that take far longer than later ones have waited in the accept queue") {
    auto result = answered_in(100us, 1'000);
    for (int each = 0; each < 50; ++each) result.stats.first_answers.record(30ms + each * 1ms);
    CHECK(codes_of(result) == "accept-queue");
}

TEST_CASE("a server that writes an answer in two, against Nagle's advice, is found") {
    const scripted_server server{[](connection& connection, int) {
        const int no = 0;
        setsockopt(connection.descriptor(), IPPROTO_TCP, TCP_NODELAY, &no, sizeof no);
        read_buffer area;
        for (;;) {
            const std::string piece{connection.read_some(area).value_or("")};
            if (piece.empty()) return;
            say(connection, piece.substr(0, 1));
            say(connection, piece.substr(1, 1));
            say(connection, piece.substr(2));
        }
    }};
    load_options options;
    options.target = server.where().to_string();
    options.total = 40;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.errors.count() == 0);
    // Whether the kernel delays an acknowledgement is its own decision; where it does, it is found.
    if (result.stats.latency.value_at_percentile(50) >= 40ms &&
        result.stats.latency.value_at_percentile(90) < 47ms)
        CHECK(codes_of(result) == "delayed-ack");
}

TEST_CASE("connections whose first answer comes late are measured apart") {
    const scripted_server server{[](connection& connection, int) {
        std::this_thread::sleep_for(20ms); // so long does it take to get ready
        echo(connection);
    }};
    load_options options;
    options.target = server.where().to_string();
    options.connections = 30;
    options.total = 3'000;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.first_answers.count() == 30);
    CHECK(result.stats.first_answers.max() <= result.stats.latency.max());
}

TEST_CASE("failures have remedies") {
    CHECK(remedy_for({phase::connect, "connect", "ECONNREFUSED", ""}).starts_with("nobody listens there"));
    CHECK(remedy_for({phase::read, "recv", "ETIMEDOUT", ""}).starts_with("the server is stuck"));
    CHECK(remedy_for({phase::resolve, "", "anything", ""}).starts_with("the name is not known"));
    CHECK(remedy_for({phase::connect, "connect", "EPROTO", ""}).empty());
}

} // namespace parley
