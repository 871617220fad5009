// Tests of the verdict: each reason to distrust a run is provoked by its cause, and a run without a cause is
// valid.
#include "client/load/analysis/verdict.hpp"
#include "client/load/engine/percentiles.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

/// Returns the codes of a verdict in their order: "generator-bound too-short".
std::string codes_of(const verdict& verdict) {
    std::string codes;
    for (const auto& reason : verdict.reasons) codes += (codes.empty() ? "" : " ") + reason.code;
    return codes;
}

/// A run of ten seconds: ten connections, 10,000 replies a second, 1 ms each.
load_result good_run() {
    load_result result;
    result.counted = 10s;
    result.served = 10;
    result.stats.answered = 100'000;
    for (int i = 0; i < 100'000; ++i) result.stats.latency.record(1ms);
    for (int i = 0; i <= 100; ++i)
        result.throughput.push_back({i * 100ms, static_cast<std::uint64_t>(i) * 1'000, i * 1.0});
    result.network = {0, 200'000, 3};
    return result;
}

load_options ten_seconds() {
    load_options options;
    options.connections = 10;
    options.duration = 11s;
    return options;
}

std::string judged(void (*change)(load_options& options, load_result& result)) {
    auto options = ten_seconds();
    auto result = good_run();
    change(options, result);
    return codes_of(judge(options, result));
}

} // namespace

TEST_CASE("a load that did not run for a part of the time says so") {
    CHECK(judged([](auto&, auto&) {}) == "");
    CHECK(judged([](auto&, auto& result) { result.starved = result.counted / 10; }) == "");
    CHECK(judged([](auto&, auto& result) { result.starved = result.counted / 4; }) == "generator-starved");
}

TEST_CASE("a run without a fault is valid") {
    CHECK(judged([](auto&, auto&) {}).empty());
    CHECK(judged([](auto& options, auto&) { options.percentiles = {99.99}; }).empty());
}

TEST_CASE("each fault makes a run invalid, and is named") {
    CHECK(judged([](auto&, auto& result) { result.max_thread_cpu = 0.97; }) == "generator-bound");
    CHECK(judged([](auto& options, auto&) { options.percentiles = {99.999}; }) == "too-short");
    CHECK(judged([](auto&, auto& result) {
              result.network.listen_overflows = 1;
              result.connecting.record(1'010ms);
          }) == "listen-overflow");
    CHECK(judged([](auto&, auto& result) {
              result.network.sent_again = 1'000;
              result.stats.latency.record(205ms);
          }) == "retransmissions");
    // No request has waited for a retransmission: the kernel's counters count other programs as well.
    CHECK(judged([](auto&, auto& result) { result.network = {5, 1'000, 1'000}; }).empty());
    CHECK(judged([](auto&, auto& result) { result.stats.answered = 50'000; }) == "littles-law");
    CHECK(judged([](auto&, auto& result) { result.stats.answered = 150'000; }) == "littles-law");
    CHECK(judged([](auto&, auto& result) { // a service that greets and closes
              result.stats.answered = 50'000;
              result.connected = 50'000;
          })
              .empty());
    CHECK(judged([](auto&, auto& result) { // every connection was lost
              result.stats.answered = 50'000;
              result.connected = 10 + 20'000;
              result.reconnected = 20'000;
          }) == "littles-law");
    // A tenth of the replies may belong to requests from before the measured time.
    CHECK(judged([](auto&, auto& result) {
              result.counted /= 1'000;
              result.stats.answered = 125;
          }).find("littles-law") == std::string::npos);
    CHECK(judged([](auto&, auto& result) {
              for (auto& sample : result.throughput)
                  if (sample.at > 5s) sample.answered += (sample.answered - 50'000) / 2;
          }) == "unsettled");
    CHECK(judged([](auto& options, auto& result) {
              options.rate = 10'000;
              result.stats.has_schedule = true;
              result.due = result.stats.answered;
              for (auto& sample : result.throughput) // a growing queue
                  sample.latency_sum =
                      static_cast<double>(sample.answered) * static_cast<double>(sample.answered) * 1e-8;
          }) == "unsettled");
    CHECK(judged([](auto&, auto& result) {
              result.stats.errors.add({phase::connect, "connect", "EADDRNOTAVAIL", "no port"});
          }) == "ports-exhausted");
    CHECK(judged([](auto&, auto& result) {
              result.stats.errors.add({phase::connect, "socket", "EMFILE", "no descriptor"});
          }) == "descriptors-exhausted");
}

TEST_CASE("who makes so many connections that the kernel lacks ports is told to use more addresses") {
    auto options = ten_seconds();
    auto result = good_run();
    result.max_thread_cpu = 0.97;
    const auto advice = [&] { return judge(options, result).reasons.at(0).text; };
    CHECK(advice().find("or use a faster machine") != std::string::npos);
    options.connections = 19'000;
    CHECK(advice().find("or use more addresses (--source)") != std::string::npos);
    options.sources = parse_sources("127.0.0.1-127.0.0.2");
    CHECK(advice().find("or use a faster machine") != std::string::npos);
}

TEST_CASE("a run of a handful of replies is too short for any figure") {
    auto result = good_run();
    result.stats.latency = {};
    for (int i = 0; i < 19; ++i) result.stats.latency.record(1ms);
    CHECK(codes_of(judge(ten_seconds(), result)) == "too-short");
}

TEST_CASE("thirds that differ by chance alone, or hardly, are settled") {
    std::vector<throughput_sample> throughput;
    std::uint64_t answered = 0;
    for (int i = 0; i <= 60; ++i) {
        answered += 1'000 + (i % 3 - 1) * 300;
        throughput.push_back({i * 100ms, answered, 0});
    }
    const auto noisy = rate_in_thirds(throughput);
    REQUIRE(noisy);
    CHECK_FALSE(differ(noisy->first, noisy->last));
    CHECK(noisy->first.mean == doctest::Approx(10'000).epsilon(0.05));
    CHECK_FALSE(rate_in_thirds(std::span{throughput}.first(15)));
}

TEST_CASE("the kernel's counters are read by their names") {
    constexpr auto text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\n"
                          "IpExt: ListenOverflows\nIpExt: 4\n";
    CHECK(counter_in(text, "TcpExt:", "ListenOverflows") == 22);
    CHECK(counter_in(text, "TcpExt:", "ListenDrops") == 333);
    CHECK(counter_in(text, "TcpExt:", "Other") == 0);
    CHECK(counter_in("", "TcpExt:", "Other") == 0);
    CHECK(kernel_counters::now().sent > 0);
}

TEST_CASE("a percentile needs ten replies beyond it") {
    CHECK(replies_needed(50) == 20);
    CHECK(replies_needed(99) == 1'000);
    CHECK(replies_needed(99.9) == 10'000);
    CHECK(replies_needed(99.99) == 100'000);
}

TEST_CASE("a queue that overflows is seen, and those who wait before it give up in time") {
    // A listener that never accepts: its queue holds one or two connections, and the kernel drops the first
    // segments of the others.
    const auto endpoint = listening_socket(own_endpoint(), 0);
    load_options options;
    options.target = address::of_socket(endpoint.get()).to_string();
    options.connections = 6;
    options.duration = 300ms;
    options.timeout = 200ms;
    const auto result = generate_load(options, -1, {});
    CHECK(result.network.listen_overflows > 0);
    CHECK(result.stats.errors.count(phase::connect, "ETIMEDOUT") > 0);
    CHECK(result.stats.answered == 0);
    auto answered = good_run();
    answered.network = result.network;
    answered.stats.errors = result.stats.errors;
    CHECK(codes_of(judge(ten_seconds(), answered)).find("listen-overflow") != std::string::npos);
}

TEST_CASE("a server that becomes slow has not settled") {
    const auto slow_from = run_stats::clock::now() + 1200ms;
    const scripted_server server{[&](connection& connection, int) {
        echo(connection, [&](std::string&) {
            std::this_thread::sleep_for(run_stats::clock::now() < slow_from ? 1ms : 8ms);
        });
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 2;
    options.duration = 2400ms;
    options.warm_up = 0s;
    const auto result = generate_load(options, -1, {});
    CHECK(codes_of(judge(options, result)).find("unsettled") != std::string::npos);
}

TEST_CASE("a generator that is held up says that it sent too late") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    subprocess program{{PARLEY_LOAD, server.endpoint().to_string(), "--rate", "500", "--connections", "100",
                        "--duration", "1h", "--warm-up", "0s", "--csv", "-", "--interval", "100ms"},
                       subprocess::errors::kept};
    for (int line = 0; line < 4; ++line) std::ignore = program.read_line(60s); // the program is running
    program.signal(SIGSTOP);
    std::this_thread::sleep_for(400ms); // the pause that the test is about
    program.signal(SIGCONT);
    for (int line = 0; line < 4; ++line) std::ignore = program.read_line(60s); // the program continues
    program.signal(SIGINT);
    const auto end = program.wait(60s);
    REQUIRE(end);
    CHECK(end->to_string() == "exit code 3");
    CHECK(program.error_output().find("late-sends: parley-load sent 1 of 10") != std::string::npos);
}

TEST_CASE("a server that resets its connections spoils Little's law") {
    const scripted_server server{[](connection& connection, int) {
        read_buffer buffer;
        for (int answers = 0; answers < 10; ++answers)
            write_all(connection, connection.read_some(buffer).value_or(""));
        reset_on_close(connection);
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.duration = 500ms;
    options.warm_up = 0s;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.errors.count() > 0);
    CHECK(codes_of(judge(options, result)).find("littles-law") != std::string::npos);
}

} // namespace parley
