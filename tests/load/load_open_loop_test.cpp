// Tests of the open loop, which sends requests when they are due, however slow the server is; and of the
// other options that decide when a request is sent.
#include "client/load/engine/percentiles.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/report.hpp"
#include "client/load/plan/threshold.hpp"
#include "common/process/running_server.hpp"
#include "tests/support/scripted_server.hpp"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <tuple>

namespace parley {

using namespace std::chrono_literals;

namespace {

load_options at_rate(const std::string& target, double rate, std::chrono::milliseconds duration,
                     int connections) {
    load_options options;
    options.target = target;
    options.rate = rate;
    options.duration = duration;
    options.warm_up = 0s;
    options.connections = connections;
    return options;
}

load_result put_load(const load_options& options) { return generate_load(options, -1, {}); }

/// Returns how many values of the histogram are at least `limit`.
std::uint64_t at_least(std::chrono::nanoseconds limit, const histogram& times) {
    double percent = 100;
    while (percent > 0 && times.value_at_percentile(percent) >= limit) percent -= 0.01;
    return percent <= 0 ? times.count() : times.count_beyond(percent);
}

} // namespace

TEST_CASE("all requests that are due are sent and answered, over any number of threads and connections") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = at_rate(server.endpoint().to_string(), 1'000, 300ms, 6);
    options.threads = 3;
    options.arriving = {arrivals::kind::burst, 5};
    const auto result = put_load(options);
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.due == 300);
    CHECK(result.stats.all_answered + result.never_sent == 300);
    CHECK(result.stats.latency.count() == result.stats.all_answered);
    CHECK(result.stats.uncorrected.count() == result.stats.latency.count());
    CHECK(result.stats.send_lag.count() == result.stats.latency.count());
    CHECK(result.connected == 6);
}

TEST_CASE("a number of requests can be given a rate, too") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = at_rate(server.endpoint().to_string(), 5'000, 1s, 4);
    options.duration.reset();
    options.total = 100;
    options.exact_timers = true;
    const auto result = put_load(options);
    CHECK(result.end == ending::requests_done);
    CHECK(result.stats.all_answered == 100);
    CHECK(result.due == 100);
}

TEST_CASE("a server that stops for a moment is seen in an open loop, and hidden in a closed one") {
    constexpr auto pause = 200ms, half_pause = 100ms;
    constexpr auto duration = 1500ms;
    constexpr int connections = 4;
    // The server stops once, with every reply that is due in that time.
    const auto run = [&](bool open) {
        running_server server{
            PARLEY_SERVER, {"--model", "epoll", "--service", "echo"}, subprocess::errors::kept};
        auto options = at_rate(server.endpoint().to_string(), 1'000, duration, connections);
        if (!open) options.rate.reset();
        std::atomic<bool> stopped = false;
        std::jthread brake;
        const load_watch stop_server_once = [&](std::chrono::nanoseconds, const load_result& so_far) {
            if (so_far.stats.answered < 100 || stopped.exchange(true)) return;
            brake = std::jthread{[&] {
                server.process().signal(SIGSTOP);
                std::this_thread::sleep_for(pause); // the pause that the test is about
                server.process().signal(SIGCONT);
            }};
        };
        auto result = generate_load(options, -1, stop_server_once);
        brake = {};
        REQUIRE(stopped);
        CHECK(result.stats.errors.count() == 0);
        return result;
    };
    // Of 1,000 requests a second, 100 are due in the first half of the pause, and all wait for its second
    // half.
    const auto open = run(true);
    CHECK(at_least(half_pause, open.stats.latency) + open.never_sent >= 90);
    CHECK(open.stats.latency.max() >= 180ms);
    // A connection waits for half a pause at most this often, because it sends nothing else in that time.
    constexpr auto most_waits = static_cast<std::uint64_t>(connections * (duration / half_pause));
    CHECK(at_least(half_pause, open.stats.uncorrected) <= most_waits);
    const auto closed = run(false);
    CHECK(at_least(half_pause, closed.stats.latency) <= most_waits);
}

TEST_CASE("a server that falls silent before the end is seen, and no threshold on its latency is met") {
    constexpr auto duration = 1'000ms;
    std::atomic<bool> is_silent = false;
    const scripted_server server{[&](connection& connection, int) {
        read_buffer buffer;
        for (auto bytes = connection.read_some(buffer); bytes && !bytes->empty();
             bytes = connection.read_some(buffer))
            if (!is_silent) std::ignore = connection.write_some(*bytes);
    }};
    auto options = at_rate(server.endpoint().to_string(), 200, duration, 2);
    options.timeout = 500ms;
    const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds elapsed, const load_result&) {
        is_silent = is_silent || elapsed >= duration / 2;
    });
    const auto& stats = result.stats;
    CHECK(result.never_sent > 0);
    CHECK(stats.bounds.count() == result.never_sent + stats.errors.count());
    CHECK(stats.latency.count() == stats.bounds.count() + stats.all_answered);
    CHECK(stats.latency.max() >= 300ms);
    CHECK(stats.rests_on_bounds(99));
    CHECK_FALSE(is_met(parse_threshold("p99<50s"), result));
    CHECK_FALSE(is_met(parse_threshold("max<=50s"), result));
    CHECK_FALSE(is_met(parse_threshold("mean<50s"), result));
    CHECK(is_met(parse_threshold("p99>1ms"), result));
    CHECK(measured_text(parse_threshold("p99<50s"), result).starts_with(">= "));
    const auto report = json_report(options, result, {});
    CHECK(report.at("latency_bounds").at("requests") == stats.bounds.count());
    CHECK(report.at("latency_bounds").at("at_least").dump().find("p99") != std::string::npos);
}

TEST_CASE("the closed loop's correction adds the requests that nobody sent") {
    run_stats stats;
    stats.expected_interval = 10ms;
    const run_stats::clock::time_point sent{1s};
    stats.record({sent, sent, sent, sent + 35ms, 1, 1});
    CHECK(stats.latency.count() == 1);
    CHECK(stats.corrected.count() == 4); // 35, 25, 15 and 5 ms
    CHECK(stats.corrected.max() == 35ms);
    CHECK(stats.corrected.min() == 5ms);
    stats.record({sent, sent, sent, sent + 5ms, 1, 1});
    CHECK(stats.corrected.count() == 5);
}

TEST_CASE("latency counts from when a request was due, the lag from when it could have been sent") {
    run_stats stats;
    stats.has_schedule = true;
    const run_stats::clock::time_point due{1s};
    stats.record({due, due + 30ms, due + 29ms, due + 40ms, 1, 1});
    CHECK(stats.latency.max() == 40ms);
    CHECK(stats.uncorrected.max() == 10ms);
    CHECK(stats.send_lag.max() == 1ms);
}

TEST_CASE("a rate that the server cannot reach is no result") {
    const scripted_server server{[](connection& connection, int) {
        echo(connection, [](std::string&) { std::this_thread::sleep_for(2ms); }); // a slow server
    }};
    const auto options = at_rate(server.endpoint().to_string(), 5'000, 300ms, 2);
    const auto result = put_load(options);
    CHECK(result.due == 1'500);
    CHECK(result.never_sent > 1'000);
    const auto verdict = judge(options, result);
    CHECK(std::any_of(verdict.reasons.begin(), verdict.reasons.end(),
                      [](const reason& reason) { return reason.code == "rate-not-reached"; }));
    CHECK(text_report(options, result, conclude(options, result)).find("requests/s (") == std::string::npos);
}

TEST_CASE("a connection that the server closes while nothing is due is made again") {
    const scripted_server server{[](connection& connection, int number) {
        if (number > 1) return echo(connection);
        read_buffer buffer;
        write_all(connection, connection.read_some(buffer).value_or(""));
    }};
    const auto result = put_load(at_rate(server.endpoint().to_string(), 3, 1s, 1));
    CHECK(result.stats.errors.count(phase::read) == 1);
    CHECK(result.stats.errors.kinds()[0].first.cause == "end of input");
    CHECK(result.reconnected == 1);
    CHECK(result.longest_gap > 0s);
    CHECK(result.connected == 2);
}

TEST_CASE("bytes that nobody asked for are found") {
    const scripted_server server{[](connection& connection, int) {
        write_all(connection, "hello?");
        read_until_eof(connection);
    }};
    const auto result = put_load(at_rate(server.endpoint().to_string(), 1, 1s, 1));
    CHECK(result.stats.errors.count(phase::verify) > 0);
    CHECK(result.stats.errors.count(phase::verify) == result.stats.errors.count());
}

TEST_CASE("a connection thinks before it asks again") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = at_rate(server.endpoint().to_string(), 1, 300ms, 3);
    options.rate.reset();
    options.think = 50ms;
    const auto result = put_load(options);
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.stats.all_answered >= 3);
    CHECK(result.stats.all_answered <= 3 * 7); // in 300 ms a connection thinks at most six times
}

TEST_CASE("each connection has its part of the requests") {
    std::mutex lock;
    std::map<int, int> requests;
    const scripted_server server{[&](connection& connection, int number) {
        echo(connection, [&](std::string&) {
            const std::lock_guard guard{lock};
            ++requests[number];
        });
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 4;
    options.threads = 2;
    options.total = 42;
    CHECK(put_load(options).stats.all_answered == 42);
    const std::lock_guard guard{lock};
    CHECK(requests.size() == 4);
    for (const auto& [number, count] : requests) CHECK((count == 10 || count == 11));
}

TEST_CASE("connections come and go as the stages say") {
    std::atomic<int> open_connections = 0, peak = 0;
    const scripted_server server{[&](connection& connection, int) {
        const int count = ++open_connections;
        for (int seen = peak; seen < count && !peak.compare_exchange_weak(seen, count);) {
        }
        echo(connection);
        --open_connections;
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 20;
    options.stages = {parse_stage("300ms@2c"), parse_stage("300ms@20c"), parse_stage("600ms@1c")};
    std::atomic<bool> has_fallen = false;
    const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds, const load_result&) {
        if (peak == 20 && open_connections < 20) has_fallen = true;
    });
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.end == ending::time_over);
    CHECK(peak == 20);
    CHECK(has_fallen);
}

TEST_CASE("connections can be made little by little") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = at_rate(server.endpoint().to_string(), 1, 500ms, 1'000);
    options.rate.reset();
    options.connect_rate = 100;
    const auto begin = std::chrono::steady_clock::now();
    const auto result = put_load(options);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.connected >= 1);
    CHECK(static_cast<double>(result.connected) <= 1 + 100 * time.count());
}

TEST_CASE("an unknown host is reported as a failure to resolve it") {
    load_options options;
    options.target = "no..such.host:9999";
    options.total = 1;
    const auto result = put_load(options);
    CHECK(result.end == ending::connect_failed);
    CHECK(result.stats.errors.count(phase::resolve) == 1);
}

TEST_CASE("options of the open and the closed loop are not mixed") {
    const auto refusal = [](auto change) {
        auto options = at_rate("127.0.0.1:1", 100, 1s, 1);
        change(options);
        try {
            check_consistency(options);
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{"fine"};
    };
    CHECK(refusal([](auto&) {}) == "fine");
    CHECK(refusal([](auto& asked) { asked.rate = 0; }).starts_with("--rate must be more than 0"));
    CHECK(refusal([](auto& options) { options.think = 1s; }).starts_with("--think is for a closed loop"));
    CHECK(refusal([](auto& options) { options.expected_interval = 1s; }).starts_with("--expected-interval is"));
    CHECK(refusal([](auto& options) {
              options.service = "welcome";
          }).starts_with("service welcome receives no requests"));
    CHECK(refusal([](auto& options) { options.threads = 2; }) ==
          "--threads must be 1 to 1 for 1 connections, not 2");
    CHECK(refusal([](auto& options) {
              options.connect_rate = 0;
          }).starts_with("--connect-rate must be more than 0"));
    CHECK(refusal([](auto& options) {
              options.stages = {parse_stage("1s@5")};
          }).starts_with("--stage sets the duration"));
    CHECK(refusal([](auto& options) {
              options.rate.reset();
              options.arriving.how = arrivals::kind::poisson;
          }).starts_with("--arrivals needs a --rate"));
    CHECK(refusal([](auto& options) {
              options.rate.reset();
              options.duration.reset();
              options.stages = {parse_stage("1s@5"), parse_stage("1s@5c")};
          }) == "--stage: use either only rates, or only connections (10s@50c)");
}

// The program parley-load.

namespace {

std::pair<int, nlohmann::json> parley_load(std::vector<std::string> words) {
    words.insert(words.begin(), PARLEY_LOAD);
    words.push_back("--json=-");
    subprocess program{std::move(words), subprocess::errors::kept};
    const auto end = program.wait(60s);
    const auto code = end ? end->exit_code().value_or(-1) : -1;
    const auto output = program.rest_of_output();
    return {code, output.empty() ? nlohmann::json{} : nlohmann::json::parse(output)};
}

} // namespace

TEST_CASE("parley-load takes a rate, arrivals and stages") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const auto endpoint = server.endpoint().to_string();
    const auto [code, open] =
        parley_load({endpoint, "--rate", "500", "--arrivals", "poisson", "--duration", "200ms", "--warm-up",
                     "0s", "--connections", "4", "--threads", "2", "--exact-timers", "--seed", "9"});
    CHECK((code == 0 || code == 3));
    CHECK(open["options"]["arrivals"] == "poisson");
    CHECK(open["due"].get<int>() > 50);
    CHECK(open["send_lag_ms"]["count"].is_number());
    CHECK(open["uncorrected_ms"]["count"] == open["latency_ms"]["count"]);

    const auto staged =
        parley_load({endpoint, "--stage", "100ms@100", "--stage", "100ms@100..1000", "--warm-up", "0s"});
    CHECK((staged.first == 0 || staged.first == 3));
    CHECK(staged.second["due"] == 65);
    CHECK(staged.second["options"]["stages"].size() == 2);

    const auto by_connections =
        parley_load({endpoint, "--stage", "100ms@1..3c", "--think", "1ms", "--expected-interval", "1ms"});
    CHECK(by_connections.second["options"]["connections"] == 3);
    CHECK(by_connections.second["corrected_ms"]["count"].is_number());
    CHECK(by_connections.second["send_lag_ms"].is_null());
    CHECK(parley_load({endpoint, "--requests", "5", "--connect-rate", "1000"}).second["requests"] == 5);

    for (const auto& wrong_options : std::vector<std::vector<std::string>>{{"--stage", "10s"},
                                                                           {"--arrivals", "often"},
                                                                           {"--rate", "0"},
                                                                           {"--rate", "many"},
                                                                           {"--threads", "0"},
                                                                           {"--connect-rate", "-1"},
                                                                           {"--think", "5"},
                                                                           {"--expected-interval", "x"}}) {
        auto arguments = wrong_options;
        arguments.insert(arguments.begin(), endpoint);
        CHECK(parley_load(arguments).first == 2);
    }
}

} // namespace parley
