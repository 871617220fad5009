// The search for the highest rate that meets a target, and the addresses that connections come from.
#include "client/load/analysis/rate_search.hpp"
#include "client/load/engine/engine.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "common/process/subprocess.hpp"
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

trial_outcome outcome_of(bool is_met) { return is_met ? trial_outcome::met : trial_outcome::missed; }

/// An open load for a second at 100 requests/s, of which all were answered in 1 ms.
struct observed {
    load_options options;
    load_result result;

    observed() {
        options.rate = 100;
        options.duration = 1s;
        options.warm_up = 0s;
        auto& stats = result.stats;
        stats.has_schedule = true;
        const auto begin = run_stats::clock::now();
        for (int each = 0; each != 100; ++each) {
            const auto due = begin + each * 10ms;
            stats.record({due, due, due, due + 1ms, 64, 64});
        }
        stats.all_asked = 100;
        result.due = 100;
        result.connected = result.served = 1;
        result.counted = 1s;
    }

    trial against(const char* target) {
        const auto wanted = parse_threshold(target);
        options.percentiles = {wanted.percent};
        if (wanted.percent == 0) options.percentiles.clear();
        return judge_trial(options, wanted, result);
    }
};

} // namespace

TEST_CASE("a trial meets its target, misses it, or cannot tell") {
    observed run;
    CHECK(run.against("p90<5ms").outcome == trial_outcome::met);
    CHECK(run.against("p90<500us").outcome == trial_outcome::missed);
    CHECK(run.against("p99<5ms").outcome == trial_outcome::unknown); // one answer lies beyond, which is chance
    CHECK(run.against("p99<500us").outcome == trial_outcome::unknown);
    CHECK(run.against("max<500us").outcome == trial_outcome::missed); // that is sure
    run.result.starved = 500ms;
    for (const auto* target : {"p90<5ms", "p90<500us", "max<500us"}) {
        const auto told = run.against(target);
        CHECK(told.outcome == trial_outcome::unknown);
        CHECK(told.why == "parley-load is the limit: generator-starved");
    }
    observed behind;
    behind.result.due = 300;
    CHECK(behind.against("p90<5ms").outcome == trial_outcome::missed);
    observed failing;
    failing.result.stats.errors.add({phase::read, "recv", "ECONNRESET", "reset"});
    CHECK(failing.against("p90<5ms").outcome == trial_outcome::missed);
    observed idle;
    idle.result.stats = {};
    idle.result.stats.has_schedule = true;
    idle.result.due = 0;
    CHECK(idle.against("p90<5ms").outcome == trial_outcome::unknown);
}

TEST_CASE("a trial lasts as long as its percentile needs") {
    const auto p99 = parse_threshold("p99<5ms"), longest = parse_threshold("max<5ms");
    CHECK(trial_length(p99, 100'000, 3s, {}) == 3s);
    CHECK(trial_length(p99, 100, 3s, 0s) == 12s); // 1,000 answers, and a fifth more
    CHECK(trial_length(p99, 100, 3s, 2s) == 14s);
    CHECK(trial_length(longest, 1, 3s, {}) == 3s);
}

TEST_CASE("what cannot be told is not counted against the server") {
    // From 5,000 on, the load is the limit.
    const auto limited = [](double rate) { return rate < 5'000 ? trial_outcome::met : trial_outcome::unknown; };
    const auto found = find_knee({}, limited);
    CHECK(found.least > 4'500);
    CHECK(found.most < 5'500);
    CHECK(found.at_most == trial_outcome::unknown);
    const auto never = find_knee({}, [](double) { return trial_outcome::unknown; });
    CHECK(never.least == 0);
    CHECK(never.at_most == trial_outcome::unknown);
    // At the lowest rates a percentile takes too long to be told.
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
        CHECK(found.most <= found.least * 1.05 * 1.05 * 1.001); // of searches that began elsewhere
        CHECK(trials < 80);
    }
}

TEST_CASE("luck near the knee makes the interval wider, and it still holds the knee") {
    constexpr double truth = 20'000;
    std::mt19937_64 random{2};
    int held = 0;
    for (int each = 0; each < 100; ++each) {
        // Within 5 % of the knee a trial is met by chance.
        const auto found = find_knee({}, [&](double rate) {
            const double chance = std::clamp(0.5 - (rate / truth - 1) * 10, 0.0, 1.0);
            return outcome_of(std::bernoulli_distribution{chance}(random));
        });
        held += found.least <= truth * 1.05 && found.most >= truth * 0.95 && found.most < truth * 1.3;
    }
    CHECK(held == 100);
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
    CHECK_NOTHROW(check_ours(parse_sources("127.0.0.77")));
    CHECK_THROWS_WITH_AS(check_ours(parse_sources("192.0.2.1")),
                         doctest::Contains("--source 192.0.2.1: connections cannot"), std::invalid_argument);
}

TEST_CASE("more connections than ports are refused before the load, with the remedy") {
    const auto target = address::resolve("127.0.0.1:1");
    const auto ports = static_cast<int>(ports_of_our_own());
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
    const auto unserved = gone->where();
    gone.reset();
    load_options options;
    options.connections = 9;
    options.total = 90;
    start_barrier start{1};
    intervals cut{1, interval_of(options), [](const interval&) {}};
    const auto& with = protocol_for(options.service);
    const auto plan = plan_requests(with, options.requests);
    const std::vector<address> targets{first.where(), unserved, second.where()};
    const auto result = engine{{options, with, plan, targets, nullptr, start, cut, -1}, {}}.run();
    CHECK(result.stats.all_answered == 90);
    CHECK(result.stats.errors.count() == 0);
    CHECK(connections[0] == 3);
    CHECK(connections[1] == 6); // also those of the address that is not served
}

TEST_CASE("connections come from the sources in turns") {
    std::mutex lock;
    std::multiset<std::string> from;
    const scripted_server server{[&](connection& connection, int) {
        const auto peer = parse_endpoint(address::of_peer(connection.descriptor()).to_string()).host;
        {
            const std::lock_guard held{lock};
            from.insert(peer);
        }
        echo(connection);
    }};
    load_options options;
    options.target = server.where().to_string();
    options.connections = 6;
    options.total = 60;
    options.sources = parse_sources("127.0.0.2-127.0.0.4");
    CHECK(generate_load(options, -1, {}).stats.all_answered == 60);
    const std::lock_guard held{lock};
    for (const auto* each : {"127.0.0.2", "127.0.0.3", "127.0.0.4"}) CHECK(from.count(each) == 2);
}

namespace {

struct ended {
    int code;
    std::string output;
};

ended parley_load(std::vector<std::string> words) {
    words.insert(words.begin(), PARLEY_LOAD);
    subprocess program{std::move(words), subprocess::errors::kept};
    const auto end = program.wait(100s);
    return {end ? end->exit_code().value_or(-1) : -1, program.rest_of_output()};
}

} // namespace

TEST_CASE("parley-load searches, and says which rates it has tried") {
    const temporary_folder folder;
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const auto where = server.where().to_string();
    // No machine meets this one, and it takes one halving after the other to know.
    const auto never = parley_load({where, "--find-knee", "max<1ns", "--duration", "20ms", "--warm-up", "0s",
                                    "--rate", "64", "--connections", "2", "--json", folder.file("knee")});
    CHECK(never.code == 4);
    CHECK(never.output.find("max<1ns is met at no rate") != std::string::npos);
    const auto untold = parley_load({where, "--find-knee", "p99.999<10s", "--duration", "20ms", "--rate", "1"});
    CHECK(untold.code == 3);
    CHECK(untold.output.find("it is not known at which rate p99.999<10s is met: it would take ") !=
          std::string::npos);
    std::ostringstream text;
    text << std::ifstream{folder.file("knee")}.rdbuf();
    const auto report = nlohmann::json::parse(text.str());
    CHECK(report["schema"] == "parley-load-knee/1");
    CHECK(report["least"] == 0);
    CHECK(report["trials"].size() == 8); // 64, 32 ... 0.5

    const int code = parley_load({where, "--source", "127.0.0.5", "--requests", "3"}).code;
    CHECK((code == 0 || code == 3)); // a machine that is busy enough makes it invalid
    CHECK(parley_load({where, "--source", "127.0.0"}).code == 2);
    CHECK(parley_load({where, "--find-knee", "p99"}).code == 2);
    CHECK(parley_load({where, "--find-knee", "p99<5ms", "--requests", "5"}).code == 2);
}

} // namespace parley
