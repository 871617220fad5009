// Each reason not to believe a run is provoked by its cause; figures without such a cause are believed.
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

/// "generator-bound too-short": the codes, in their order.
std::string codes_of(const verdict& said) {
    std::string all;
    for (const auto& each : said.reasons) all += (all.empty() ? "" : " ") + each.code;
    return all;
}

/// Ten seconds of ten connections that answer 10,000 times a second, in 1 ms each.
load_result good_run() {
    load_result result;
    result.counted = 10s;
    result.served = 10;
    result.stats.answered = 100'000;
    for (int each = 0; each < 100'000; ++each) result.stats.latency.record(1ms);
    for (int each = 0; each <= 100; ++each)
        result.throughput.push_back({each * 100ms, static_cast<std::uint64_t>(each) * 1'000, each * 1.0});
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
    // Who has waited for nothing was not hit: that was another program of this machine.
    CHECK(judged([](auto&, auto& result) { result.network = {5, 1'000, 1'000}; }).empty());
    CHECK(judged([](auto&, auto& result) { result.stats.answered = 50'000; }) == "littles-law");
    CHECK(judged([](auto&, auto& result) { result.stats.answered = 150'000; }) == "littles-law");
    CHECK(judged([](auto&, auto& result) { // a greeting, and the connection is over
              result.stats.answered = 50'000;
              result.connected = 50'000;
          })
              .empty());
    CHECK(judged([](auto&, auto& result) { // each was lost
              result.stats.answered = 50'000;
              result.connected = 10 + 20'000;
              result.reconnected = 20'000;
          }) == "littles-law");
    CHECK(judged([](auto&, auto& result) { // a tenth of its time may be requests that began before it
              result.counted /= 1'000;
              result.stats.answered = 125;
          })
              .find("littles-law") == std::string::npos);
    CHECK(judged([](auto&, auto& result) {
              for (auto& each : result.throughput)
                  if (each.at > 5s) each.answered += (each.answered - 50'000) / 2;
          }) == "unsettled");
    CHECK(judged([](auto& options, auto& result) {
              options.rate = 10'000;
              result.stats.has_schedule = true;
              result.due = result.stats.answered;
              for (auto& each : result.throughput) // a queue that grows
                  each.latency_sum =
                      static_cast<double>(each.answered) * static_cast<double>(each.answered) * 1e-8;
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
    CHECK(advice().find("from a faster machine") != std::string::npos);
    options.connections = 19'000;
    CHECK(advice().find("from more addresses (--source)") != std::string::npos);
    options.sources = parse_sources("127.0.0.1-127.0.0.2");
    CHECK(advice().find("from a faster machine") != std::string::npos);
}

TEST_CASE("a run of a handful of answers is too short for any figure") {
    auto result = good_run();
    result.stats.latency = {};
    for (int each = 0; each < 19; ++each) result.stats.latency.record(1ms);
    CHECK(codes_of(judge(ten_seconds(), result)) == "too-short");
}

TEST_CASE("thirds that differ by chance alone, or hardly, are settled") {
    std::vector<throughput_sample> throughput;
    std::uint64_t answered = 0;
    for (int each = 0; each <= 60; ++each) {
        answered += 1'000 + (each % 3 - 1) * 300;
        throughput.push_back({each * 100ms, answered, 0});
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

TEST_CASE("a percentile needs ten answers beyond it") {
    CHECK(answers_needed(50) == 20);
    CHECK(answers_needed(99) == 1'000);
    CHECK(answers_needed(99.9) == 10'000);
    CHECK(answers_needed(99.99) == 100'000);
}

TEST_CASE("a queue that overflows is seen, and those who wait before it give up in time") {
    // A listener that nobody accepts from has room for one or two; the others' first segments are dropped.
    const auto endpoint = listening_at(own_door(), 0);
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
    options.target = server.where().to_string();
    options.connections = 2;
    options.duration = 2400ms;
    options.warm_up = 0s;
    const auto result = generate_load(options, -1, {});
    CHECK(codes_of(judge(options, result)).find("unsettled") != std::string::npos);
}

TEST_CASE("a generator that is held up says that it sent too late") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    subprocess program{{PARLEY_LOAD, server.where().to_string(), "--rate", "500", "--connections", "100",
                        "--duration", "1h", "--warm-up", "0s", "--csv", "-", "--interval", "100ms"},
                       subprocess::errors::kept};
    for (int line = 0; line < 4; ++line) std::ignore = program.read_line(60s); // it is running
    program.signal(SIGSTOP);
    std::this_thread::sleep_for(400ms); // this is what the test is about
    program.signal(SIGCONT);
    for (int line = 0; line < 4; ++line) std::ignore = program.read_line(60s); // it goes on
    program.signal(SIGINT);
    const auto end = program.wait(60s);
    REQUIRE(end);
    CHECK(end->to_string() == "exit code 3");
    CHECK(program.error_output().find("late-sends: parley-load sent 1 of 10") != std::string::npos);
}

TEST_CASE("a server that resets its connections spoils Little's law") {
    const scripted_server server{[](connection& connection, int) {
        read_buffer area;
        for (int answers = 0; answers < 10; ++answers) say(connection, connection.read_some(area).value_or(""));
        end_with_reset(connection);
    }};
    load_options options;
    options.target = server.where().to_string();
    options.duration = 500ms;
    options.warm_up = 0s;
    const auto result = generate_load(options, -1, {});
    CHECK(result.stats.errors.count() > 0);
    CHECK(codes_of(judge(options, result)).find("littles-law") != std::string::npos);
}

} // namespace parley
