// Tests of the search for the highest rate that meets a target, and of source addresses.
#include "client/load/analysis/rate_search.hpp"
#include "client/load/engine/engine.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <doctest/doctest.h>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

namespace parley {

using namespace std::chrono_literals;

namespace {

trial_outcome outcome_of(bool met) { return met ? trial_outcome::met : trial_outcome::missed; }

/// An open-loop run of one second at 100 requests/s, with all replies after 1 ms.
struct example_run {
    load_options options;
    load_result result;

    example_run() {
        options.rate = 100;
        options.duration = 1s;
        options.warm_up = 0s;
        auto& stats = result.stats;
        stats.has_schedule = true;
        const auto begin = run_stats::clock::now();
        for (int i = 0; i != 100; ++i) {
            const auto due = begin + i * 10ms;
            stats.record({due, due, due, due + 1ms, 64, 64});
        }
        stats.all_asked = 100;
        result.due = 100;
        result.connected = result.served = 1;
        result.counted = 1s;
    }

    trial judge(const char* target) {
        const auto threshold = parse_threshold(target);
        options.percentiles = {threshold.percent};
        if (threshold.percent == 0) options.percentiles.clear();
        return judge_trial(options, threshold, result);
    }
};

} // namespace

TEST_CASE("a trial meets its target, misses it, or cannot tell") {
    example_run run;
    CHECK(run.judge("p90<5ms").outcome == trial_outcome::met);
    CHECK(run.judge("p90<500us").outcome == trial_outcome::missed);
    CHECK(run.judge("p99<5ms").outcome == trial_outcome::unknown); // one reply beyond is too few
    CHECK(run.judge("p99<500us").outcome == trial_outcome::unknown);
    CHECK(run.judge("max<500us").outcome == trial_outcome::missed); // a single reply decides
    run.result.starved = 500ms;
    for (const auto* target : {"p90<5ms", "p90<500us", "max<500us"}) {
        const auto trial = run.judge(target);
        CHECK(trial.outcome == trial_outcome::unknown);
        CHECK(trial.why == "parley-load is the limit: generator-starved");
    }
    example_run behind;
    behind.result.due = 300;
    CHECK(behind.judge("p90<5ms").outcome == trial_outcome::missed);
    example_run failing;
    failing.result.stats.errors.add({phase::read, "recv", "ECONNRESET", "reset"});
    CHECK(failing.judge("p90<5ms").outcome == trial_outcome::missed);
    example_run idle;
    idle.result.stats = {};
    idle.result.stats.has_schedule = true;
    idle.result.due = 0;
    CHECK(idle.judge("p90<5ms").outcome == trial_outcome::unknown);
}

TEST_CASE("a trial lasts as long as its percentile needs") {
    const auto p99 = parse_threshold("p99<5ms"), longest = parse_threshold("max<5ms");
    CHECK(trial_length(p99, 100'000, 3s, {}) == 3s);
    CHECK(trial_length(p99, 100, 3s, 0s) == 12s); // 1,000 replies, and a fifth more
    CHECK(trial_length(p99, 100, 3s, 2s) == 14s);
    CHECK(trial_length(longest, 1, 3s, {}) == 3s);
}

TEST_CASE("what cannot be told is not counted against the server") {
    // From 5,000 requests/s on, the load generator is the limit.
    const auto limited = [](double rate) { return rate < 5'000 ? trial_outcome::met : trial_outcome::unknown; };
    const auto found = find_knee({}, limited);
    CHECK(found.least > 4'500);
    CHECK(found.most < 5'500);
    CHECK(found.at_most == trial_outcome::unknown);
    const auto never = find_knee({}, [](double) { return trial_outcome::unknown; });
    CHECK(never.least == 0);
    CHECK(never.at_most == trial_outcome::unknown);
    // At the lowest rates a trial takes too long to settle the percentile.
    const auto missed =
        find_knee({}, [](double rate) { return rate < 100 ? trial_outcome::unknown : trial_outcome::missed; });
    CHECK(missed.least == 0);
    CHECK(missed.at_most == trial_outcome::missed);
}

TEST_CASE("the knee lies between a rate that was met and one that was not") {
    for (const double truth : {3.0, 999.0, 12'345.0, 4e6}) {
        int trials = 0;
        const auto found = find_knee({}, [&](double rate) { return ++trials, outcome_of(rate <= truth); });
        CHECK(found.least <= truth);
        CHECK(found.most > truth);
        CHECK(found.most <= found.least * 1.05 * 1.05 * 1.001); // for searches that began at another rate
        CHECK(trials < 80);
    }
}

TEST_CASE("luck near the knee makes the interval wider, and it still holds the knee") {
    constexpr double truth = 20'000;
    std::mt19937_64 random{2};
    int correct = 0;
    for (int search = 0; search < 100; ++search) {
        // Within 5 % of the knee, chance decides if a trial is met.
        const auto found = find_knee({}, [&](double rate) {
            const double chance = std::clamp(0.5 - (rate / truth - 1) * 10, 0.0, 1.0);
            return outcome_of(std::bernoulli_distribution{chance}(random));
        });
        correct += found.least <= truth * 1.05 && found.most >= truth * 0.95 && found.most < truth * 1.3;
    }
    CHECK(correct == 100);
}

TEST_CASE("a target that is met always or never has no knee") {
    CHECK(find_knee({}, [](double) { return trial_outcome::missed; }).least == 0);
    const auto always = find_knee({.highest = 5'000}, [](double) { return trial_outcome::met; });
    CHECK(always.least == 5'000);
    CHECK(always.most == 0);
}

TEST_CASE("sources are addresses, ranges and interfaces") {
    CHECK(parse_sources("127.0.0.1").size() == 1);
    const auto range = parse_sources("127.0.0.1-127.0.0.9,::1");
    REQUIRE(range.size() == 10);
    CHECK(range[8].to_string() == "127.0.0.9:0");
    CHECK(range[9].family() == AF_INET6);
    for (const auto* text :
         {"", "127.0.0.", "127.0.0.9-127.0.0.1", "1.0.0.0-2.0.0.0", "no-such-interface", "127.0.0.1,"})
        CHECK_THROWS_AS(parse_sources(text), std::invalid_argument);
}

TEST_CASE("an address of another machine is no source") {
    CHECK_NOTHROW(check_local(parse_sources("127.0.0.77")));
    CHECK_THROWS_WITH_AS(check_local(parse_sources("192.0.2.1")),
                         doctest::Contains("--source 192.0.2.1: cannot bind to it: "), std::invalid_argument);
}

TEST_CASE("more connections than ports are refused before the load, with the remedy") {
    const auto target = address::resolve("127.0.0.1:1");
    const auto ports = static_cast<int>(ephemeral_ports());
    CHECK_NOTHROW(check_ports(ports, {}, target));
    CHECK_THROWS_WITH_AS(check_ports(ports + 1, {}, target), doctest::Contains("--source 127.0.0.1-127.0.0.9"),
                         std::invalid_argument);
    CHECK_NOTHROW(check_ports(ports + 1, parse_sources("127.0.0.1-127.0.0.2"), target));
    CHECK_NOTHROW(check_ports(2 * ports, {}, {target.front(), address::resolve("[::1]:1").front()}));
}

TEST_CASE("of a name's addresses, those of a source's family are used, wherever they stand") {
    const auto v4 = address::resolve("127.0.0.1:1").front(), v6 = address::resolve("[::1]:1").front();
    CHECK(reachable_from({}, {v6, v4}).size() == 2);
    const auto reached = reachable_from(parse_sources("127.0.0.1"), {v6, v4});
    CHECK(reached.size() == 1);
    CHECK(reached.front().to_string() == "127.0.0.1:1");
    CHECK_THROWS_AS(reachable_from(parse_sources("::1"), {v4}), std::invalid_argument);
    CHECK_THROWS_AS(reachable_from(parse_sources("127.0.0.1"), address::resolve("unix:/tmp/x")),
                    std::invalid_argument);
}

TEST_CASE("the addresses of one name share the connections, and one that is not served costs none") {
    std::array<std::atomic<int>, 2> connections{};
    const scripted_server first{[&](connection& connection, int) { ++connections[0], echo(connection); }};
    const scripted_server second{[&](connection& connection, int) { ++connections[1], echo(connection); }};
    std::optional<scripted_server> gone{std::in_place, [](connection&, int) {}};
    const auto unserved = gone->endpoint();
    gone.reset();
    load_options options;
    options.connections = 9;
    options.total = 90;
    start_barrier start{1};
    intervals cut{1, interval_of(options), [](const interval&) {}};
    const auto& protocol = protocol_for(options.service);
    const auto plan = plan_requests(protocol, options.requests);
    const std::vector<address> targets{first.endpoint(), unserved, second.endpoint()};
    const auto result = engine{{options, protocol, plan, targets, nullptr, start, cut, -1}, {}}.run();
    CHECK(result.stats.all_answered == 90);
    CHECK(result.stats.errors.count() == 0);
    CHECK(connections[0] == 3);
    CHECK(connections[1] == 6); // including the share of the address that is not served
}

TEST_CASE("connections come from the sources in turns") {
    std::mutex lock;
    std::multiset<std::string> hosts;
    const scripted_server server{[&](connection& connection, int) {
        const auto peer = parse_endpoint(address::of_peer(connection.descriptor()).to_string()).host;
        {
            const std::lock_guard guard{lock};
            hosts.insert(peer);
        }
        echo(connection);
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 6;
    options.total = 60;
    options.sources = parse_sources("127.0.0.2-127.0.0.4");
    CHECK(generate_load(options, -1, {}).stats.all_answered == 60);
    const std::lock_guard guard{lock};
    for (const auto* host : {"127.0.0.2", "127.0.0.3", "127.0.0.4"}) CHECK(hosts.count(host) == 2);
}

namespace {

program_result parley_load(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PARLEY_LOAD);
    return run_program(std::move(arguments), 100s);
}

} // namespace

TEST_CASE("parley-load searches, and says which rates it has tried") {
    const temporary_folder folder;
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const auto endpoint = server.endpoint().to_string();
    // No machine meets this target, and each trial halves the rate.
    const auto never = parley_load({endpoint, "--find-knee", "max<1ns", "--duration", "20ms", "--warm-up", "0s",
                                    "--rate", "64", "--connections", "2", "--json", folder.file("knee")});
    CHECK(never.code == 4);
    CHECK(never.output.find("max<1ns is met at no rate") != std::string::npos);
    const auto unknown =
        parley_load({endpoint, "--find-knee", "p99.999<10s", "--duration", "20ms", "--rate", "1"});
    CHECK(unknown.code == 3);
    CHECK(unknown.output.find("it is not known at which rate p99.999<10s is met: it would take ") !=
          std::string::npos);
    std::ostringstream text;
    text << std::ifstream{folder.file("knee")}.rdbuf();
    const auto report = nlohmann::json::parse(text.str());
    CHECK(report["schema"] == "parley-load-knee/1");
    CHECK(report["least"] == 0);
    CHECK(report["trials"].size() == 8); // 64, 32 ... 0.5

    const int code = parley_load({endpoint, "--source", "127.0.0.5", "--requests", "3"}).code;
    CHECK((code == 0 || code == 3)); // exit status 3: on a busy machine the run may be invalid
    CHECK(parley_load({endpoint, "--source", "127.0.0"}).code == 2);
    CHECK(parley_load({endpoint, "--find-knee", "p99"}).code == 2);
    CHECK(parley_load({endpoint, "--find-knee", "p99<5ms", "--requests", "5"}).code == 2);
}

} // namespace parley
