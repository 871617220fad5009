// Tests of the statistics of parley-compare on data with known answers.
#include "client/compare/analysis/statistics.hpp"

#include "client/compare/analysis/answers.hpp"
#include "client/compare/host/machine.hpp"
#include "client/compare/measure/results_json.hpp"
#include "client/conversation/fairness.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <random>
#include <stdexcept>

namespace parley {

namespace {

/// Normally distributed noise that is the same on every machine (std::normal_distribution differs between
/// libraries).
class noise {
public:
    explicit noise(std::uint64_t seed) : random_{seed} {}

    /// The sum of twelve uniform values is close enough to a normal distribution (Irwin-Hall).
    double operator()(double deviation) {
        double sum = -6;
        for (int i = 0; i != 12; ++i) sum += static_cast<double>(random_() >> 11) * 0x1p-53;
        return deviation * sum;
    }

private:
    std::mt19937_64 random_;
};

constexpr double residual = 0.06;

/// A table of servers, analysed as the program does it. The last server is worse by `deviations` times the
/// residual. Each round is better or worse for all servers.
struct table {
    std::vector<interval_estimate> servers;

    table(std::size_t count, int rounds, double deviations, double round_deviation, noise& random) {
        std::vector<double> effects;
        for (int round = 0; round != rounds; ++round) effects.push_back(random(round_deviation));
        for (std::size_t server = 0; server != count; ++server) {
            std::vector<double> values;
            for (const auto effect : effects)
                values.push_back(1000 * std::exp(effect + random(residual) -
                                                 (server + 1 == count ? deviations * residual : 0)));
            servers.push_back(interval_estimate_of(std::move(values)));
        }
        std::vector<interval_estimate*> estimates;
        for (auto& server : servers) estimates.push_back(&server);
        fit_block(estimates, 1);
    }

    /// True if a difference is reported among the first `count` servers.
    [[nodiscard]] bool differs_among(std::size_t count) const {
        for (std::size_t i = 0; i != count; ++i)
            for (std::size_t j = i + 1; j != count; ++j)
                if (differ(servers[i], servers[j])) return true;
        return false;
    }

    /// True if the last server is reported worse than the best.
    [[nodiscard]] bool shows_last() const {
        const auto best = std::ranges::max_element(servers, {}, &interval_estimate::mean);
        return differ(servers.back(), *best);
    }
};

/// Returns a run with one workload and one server for each of `rates`; each value is a round.
results run_of(const std::vector<std::vector<double>>& rates) {
    results run{{}, machine::here(), "2026-03-01 12:00", {}};
    run.planned.rounds = static_cast<int>(rates.front().size());
    run.planned.workloads = {
        {.id = "cpu", .question = "cpu", .name = "Work", .service = "pi", .connections = 8}};
    for (std::size_t server = 0; server != rates.size(); ++server) {
        const auto name = fmt::format("server-{}", server);
        run.planned.contenders.push_back({.name = name, .model = name});
        for (std::size_t round = 0; round != rates[server].size(); ++round) {
            measurement measurement;
            measurement.where = {static_cast<int>(round) + 1, server, 0};
            measurement.load.rate = rates[server][round];
            measurement.load.served = 8;
            run.done.push_back(measurement);
        }
    }
    return run;
}

answer answer_of(const results& run) { return answers_of(summarize(run.planned, run.done, "")).at(0); }

} // namespace

TEST_CASE("a median is the middle, or between the two") {
    CHECK(median_of({3, 1, 2}) == 2);
    CHECK(median_of({4, 1, 2, 10}) == 3);
    CHECK_THROWS_AS(median_of({}), std::invalid_argument);
    CHECK_THROWS_AS(interval_estimate_of({}), std::invalid_argument);
}

TEST_CASE("the studentised range is that of the published tables") {
    // Upper 5 % points; for two groups Student's t at 2.5 % times the root of 2.
    CHECK(studentised_range(0.05, 3, 10) == doctest::Approx(3.877).epsilon(0.0005));
    CHECK(studentised_range(0.05, 10, 20) == doctest::Approx(5.008).epsilon(0.0005));
    CHECK(studentised_range(0.05, 20, 16) == doctest::Approx(5.90).epsilon(0.002));
    CHECK(studentised_range(0.05, 5, 60) == doctest::Approx(3.977).epsilon(0.0005));
    CHECK(studentised_range(0.05, 2, 10) == doctest::Approx(2.2281 * std::sqrt(2)).epsilon(0.0005));
    CHECK(studentised_range(0.05, 2, 1) == doctest::Approx(12.706 * std::sqrt(2)).epsilon(0.001));
}

TEST_CASE("an interval holds the true mean 95 times in 100, however few rounds there are") {
    noise random{1};
    for (const int rounds : {2, 3, 4, 12}) {
        int covered = 0;
        for (int trial = 0; trial != 1000; ++trial) {
            std::vector<double> values;
            for (int round = 0; round != rounds; ++round) values.push_back(1000 * std::exp(random(0.05)));
            const auto estimate = interval_estimate_of(std::move(values));
            covered += estimate.low <= 1000 && 1000 <= estimate.high ? 1 : 0;
        }
        CAPTURE(rounds);
        CHECK(covered >= 935);
        CHECK(covered <= 970);
    }
    CHECK(interval_estimate_of({4}).low == 0); // one value tells nothing about the spread
    CHECK(std::isinf(interval_estimate_of({4}).high));
}

TEST_CASE("of 100 tables of 11 equal servers at most 7 report any difference") {
    for (const int rounds : {4, 6})
        for (const double round_deviation : {0.0, 0.1}) {
            noise random{7};
            int wrong = 0;
            for (int trial = 0; trial != 200; ++trial)
                wrong += table{11, rounds, 0, round_deviation, random}.differs_among(11) ? 1 : 0;
            CAPTURE(rounds);
            CAPTURE(round_deviation);
            CHECK(wrong <= 14);
        }
}

TEST_CASE(
    "a server that is worse by 2.5 standard deviations is found, also if the machine drifts between rounds") {
    for (const int rounds : {4, 6})
        for (const double round_deviation : {0.0, 0.1}) {
            noise random{11};
            int found = 0;
            for (int trial = 0; trial != 200; ++trial)
                found += table{11, rounds, 2.5, round_deviation, random}.shows_last() ? 1 : 0;
            CAPTURE(rounds);
            CAPTURE(round_deviation);
            CHECK(found >= 170);
        }
}

TEST_CASE("the intervals of a table's ratios hold together") {
    noise random{13};
    int covered = 0;
    for (int trial = 0; trial != 200; ++trial) {
        const table table{5, 4, 3, 0.05, random};
        bool all_hold = true;
        for (std::size_t server = 0; server != 4; ++server) {
            const auto times = ratio_of(table.servers[server], table.servers[4]);
            const auto truth = std::exp(3 * residual);
            all_hold = all_hold && times.low <= truth && truth <= times.high;
        }
        covered += all_hold ? 1 : 0;
    }
    CHECK(covered >= 186);
}

TEST_CASE("a lost round changes no headline from worse to best") {
    noise random{17};
    for (int trial = 0; trial != 50; ++trial) {
        std::vector<std::vector<double>> rates(4);
        for (std::size_t server = 0; server != rates.size(); ++server)
            for (int round = 0; round != 4; ++round)
                rates[server].push_back((server == 3 ? 500 : 1000) * std::exp(random(0.03)));
        auto run = run_of(rates);
        const auto whole = answer_of(run);
        CHECK(std::ranges::find(whole.best, "server-3") == whole.best.end());
        // The rounds of server-3 are lost one after the other.
        for (int lost = 1; lost != 4; ++lost) {
            run.done[12 + static_cast<std::size_t>(lost)].problem = "reset";
            const auto answer = answer_of(run);
            CHECK(std::ranges::find(answer.best, "server-3") == answer.best.end());
            CHECK(answer.headline.find("server-3") ==
                  (lost == 1 && answer.headline.starts_with("not") ? 4 : std::string::npos));
        }
    }
}

TEST_CASE("a server with too few valid rounds is not judged, and never best") {
    auto run = run_of({{100, 101, 99, 100}, {900, 910, 905, 900}});
    CHECK(answer_of(run).best == std::vector<std::string>{"server-1"});
    run.done[4].problem = run.done[5].problem = "reset";
    const auto answer = answer_of(run);
    CHECK(answer.best == std::vector<std::string>{"server-0"});
    CHECK(answer.reason.at(0).find("too few valid rounds: server-1") != std::string::npos);
    CHECK(answer.headline == "too few valid rounds");
}

TEST_CASE("servers are as good, worse, or not clearly different") {
    const auto headline = [](std::vector<std::vector<double>> rates) {
        return answer_of(run_of(rates)).headline;
    };
    CHECK(headline({{100, 101, 99, 100}, {99, 100, 101, 100}}) == "server-0 and server-1");
    CHECK(headline({{100, 101, 99, 100}, {50, 51, 49, 50}}) == "server-0");
    CHECK(headline({{100, 140, 80, 100}, {120, 90, 100, 80}}) == "not clearly different");
    CHECK(headline({{100, 120, 90, 100}, {101, 91, 110, 100}, {10, 11, 9, 10}}) == "not server-2");
}

TEST_CASE("a lost round is measured once more, before the end") {
    auto run = run_of({{100, 101}, {90, 91}});
    CHECK(is_complete(run.planned, run.done));
    run.done[0].problem = "reset";
    run.done[3].load.invalid_reason = "generator-bound";
    CHECK(cells_left(run.planned, run.done).size() == 2);
    auto repeated = run.done[0];
    repeated.problem.clear();
    run.done.push_back(repeated);
    CHECK(cells_left(run.planned, run.done).size() == 1);
    CHECK(summarize(run.planned, run.done, "").at(0).ranked_row("server-0")->find("rate")->values.size() == 2);
    run.done.push_back(run.done[3]); // invalid again: it is not repeated any more
    CHECK(is_complete(run.planned, run.done));
    run = run_of({{100, 101, 102}, {90, 91, 92}});
    run.done[0].problem = "reset";
    run.done.erase(run.done.begin() + 2);
    const auto remaining = cells_left(run.planned, run.done);
    REQUIRE(remaining.size() == 2);
    CHECK(remaining.front().round == 3); // cells that were never measured come first
    run = run_of({{100, 101}, {90, 91}});
    run.done[0].problem = run.done[1].problem = "reset";
    CHECK(is_complete(run.planned, run.done)); // no round of it is valid: repeating would not help
}

TEST_CASE("what so many rounds can show is what they show 9 times in 10") {
    CHECK(std::isinf(minimum_detectable_effect(0.05, 1, 5)));
    for (const std::size_t rounds : {4, 8}) {
        const auto deviations = std::log(1 + minimum_detectable_effect(residual, rounds, 3)) / residual;
        noise random{19};
        int found = 0;
        for (int trial = 0; trial != 1000; ++trial) {
            const table table{3, static_cast<int>(rounds), deviations, 0.05, random};
            found += differ(table.servers[2], table.servers[0]) ? 1 : 0;
        }
        CAPTURE(rounds);
        CHECK(found >= 870);
        CHECK(found <= 930);
    }
    const auto rounds = rounds_needed(0.05, 0.05, 5);
    CHECK(minimum_detectable_effect(0.05, rounds, 5) <= 0.05);
    CHECK(minimum_detectable_effect(0.05, rounds - 1, 5) > 0.05);
}

TEST_CASE("rounds that are missing leave the model whole") {
    auto first = interval_estimate_of({100, 110, 121}, {1, 2, 3}),
         second = interval_estimate_of({50, 60.5}, {1, 3});
    std::vector<interval_estimate*> both_servers{&first, &second};
    fit_block(both_servers, 1);
    CHECK(first.fit.freedom == 1); // five values, two servers, three rounds
    CHECK(ratio_of(first, second).mean == doctest::Approx(2));
}

TEST_CASE("two runs are compared by their own spread") {
    const auto twice = ratio_between_runs(interval_estimate_of({200, 210, 190, 205}),
                                          interval_estimate_of({100, 98, 102, 101}));
    CHECK(twice.mean == doctest::Approx(2).epsilon(0.02));
    CHECK(twice.low > 1.8);
    CHECK(twice.high < 2.2);
    const auto nothing = ratio_between_runs(interval_estimate_of({200}), interval_estimate_of({100, 98}));
    CHECK(nothing.low == 0);
    CHECK(std::isinf(nothing.high));
}

TEST_CASE("fairness is 1 for equal shares, and 1/n for one that has it all") {
    CHECK(fairness_of(std::vector{5, 5, 5, 5}) == doctest::Approx(1));
    CHECK(fairness_of(std::vector{8, 0, 0, 0}) == doctest::Approx(0.25));
    CHECK(fairness_of(std::vector{3, 1}) == doctest::Approx(0.8));
    CHECK(fairness_of(std::vector<double>{}) == 1);
}

} // namespace parley
