// What parley-compare concludes from repeated measurements, against answers that are known.
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

/// Noise of a bell curve, the same on every machine.
class noise {
public:
    explicit noise(std::uint64_t seed) : random_{seed} {}

    /// A sum of twelve is close enough to the bell curve.
    double operator()(double deviation) {
        double sum = -6;
        for (int i = 0; i != 12; ++i) sum += static_cast<double>(random_() >> 11) * 0x1p-53;
        return deviation * sum;
    }

private:
    std::mt19937_64 random_;
};

constexpr double residual = 0.06;

/// A table of servers of which the last is worse by `deviations` of the residual, as the program analyses it. A
/// round is good or bad for all of them.
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
        std::vector<interval_estimate*> all;
        for (auto& server : servers) all.push_back(&server);
        fit_block(all, 1);
    }

    /// Is there a pair with a difference among the first `count`?
    [[nodiscard]] bool differs_among(std::size_t count) const {
        for (std::size_t one = 0; one != count; ++one)
            for (std::size_t other = one + 1; other != count; ++other)
                if (differ(servers[one], servers[other])) return true;
        return false;
    }

    /// Is the last one shown to be worse than the best?
    [[nodiscard]] bool shows_last() const {
        const auto best = std::ranges::max_element(servers, {}, &interval_estimate::mean);
        return differ(servers.back(), *best);
    }
};

/// A run of the plan with one workload, and a server for each of `rates`; each value is a round.
results run_of(const std::vector<std::vector<double>>& rates) {
    results all{{}, machine::here(), "2026-03-01 12:00", {}};
    all.planned.rounds = static_cast<int>(rates.front().size());
    all.planned.workloads = {
        {.id = "cpu", .question = "cpu", .name = "Work", .service = "pi", .connections = 8}};
    for (std::size_t server = 0; server != rates.size(); ++server) {
        const auto name = fmt::format("server-{}", server);
        all.planned.contenders.push_back({.name = name, .model = name});
        for (std::size_t round = 0; round != rates[server].size(); ++round) {
            measurement one;
            one.where = {static_cast<int>(round) + 1, server, 0};
            one.load.rate = rates[server][round];
            one.load.served = 8;
            all.done.push_back(one);
        }
    }
    return all;
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
    // Upper 5 % points, and Student's t at 2.5 % times the root of 2 for two groups.
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
        int held = 0;
        for (int tried = 0; tried != 1000; ++tried) {
            std::vector<double> values;
            for (int round = 0; round != rounds; ++round) values.push_back(1000 * std::exp(random(0.05)));
            const auto one = interval_estimate_of(std::move(values));
            held += one.low <= 1000 && 1000 <= one.high ? 1 : 0;
        }
        CAPTURE(rounds);
        CHECK(held >= 935);
        CHECK(held <= 970);
    }
    CHECK(interval_estimate_of({4}).low == 0); // one value says nothing of the others
    CHECK(std::isinf(interval_estimate_of({4}).high));
}

TEST_CASE("of 100 tables of 11 equal servers at most 7 report any difference") {
    for (const int rounds : {4, 6})
        for (const double round_deviation : {0.0, 0.1}) {
            noise random{7};
            int wrong = 0;
            for (int tried = 0; tried != 200; ++tried)
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
            for (int tried = 0; tried != 200; ++tried)
                found += table{11, rounds, 2.5, round_deviation, random}.shows_last() ? 1 : 0;
            CAPTURE(rounds);
            CAPTURE(round_deviation);
            CHECK(found >= 170);
        }
}

TEST_CASE("the intervals of a table's ratios hold together") {
    noise random{13};
    int held = 0;
    for (int tried = 0; tried != 200; ++tried) {
        const table one{5, 4, 3, 0.05, random};
        bool all = true;
        for (std::size_t server = 0; server != 4; ++server) {
            const auto times = ratio_of(one.servers[server], one.servers[4]);
            const auto truth = std::exp(3 * residual);
            all = all && times.low <= truth && truth <= times.high;
        }
        held += all ? 1 : 0;
    }
    CHECK(held >= 186);
}

TEST_CASE("a lost round changes no headline from worse to best") {
    noise random{17};
    for (int tried = 0; tried != 50; ++tried) {
        std::vector<std::vector<double>> rates(4);
        for (std::size_t server = 0; server != rates.size(); ++server)
            for (int round = 0; round != 4; ++round)
                rates[server].push_back((server == 3 ? 500 : 1000) * std::exp(random(0.03)));
        auto all = run_of(rates);
        const auto whole = answer_of(all);
        CHECK(std::ranges::find(whole.best, "server-3") == whole.best.end());
        // Its rounds are lost one after the other.
        for (int lost = 1; lost != 4; ++lost) {
            all.done[12 + static_cast<std::size_t>(lost)].problem = "reset";
            const auto less = answer_of(all);
            CHECK(std::ranges::find(less.best, "server-3") == less.best.end());
            CHECK(less.headline.find("server-3") ==
                  (lost == 1 && less.headline.starts_with("not") ? 4 : std::string::npos));
        }
    }
}

TEST_CASE("a server with too few valid rounds is not judged, and never best") {
    auto all = run_of({{100, 101, 99, 100}, {900, 910, 905, 900}});
    CHECK(answer_of(all).best == std::vector<std::string>{"server-1"});
    all.done[4].problem = all.done[5].problem = "reset";
    const auto answer = answer_of(all);
    CHECK(answer.best == std::vector<std::string>{"server-0"});
    CHECK(answer.reason.at(0).find("too few valid rounds to judge: server-1") != std::string::npos);
    CHECK(answer.headline == "not enough rounds to say");
}

TEST_CASE("servers are as good, worse, or there are not enough rounds to say") {
    const auto headline = [](std::vector<std::vector<double>> rates) {
        return answer_of(run_of(rates)).headline;
    };
    CHECK(headline({{100, 101, 99, 100}, {99, 100, 101, 100}}) == "server-0 and server-1");
    CHECK(headline({{100, 101, 99, 100}, {50, 51, 49, 50}}) == "server-0");
    CHECK(headline({{100, 140, 80, 100}, {120, 90, 100, 80}}) == "not enough rounds to say");
    CHECK(headline({{100, 120, 90, 100}, {101, 91, 110, 100}, {10, 11, 9, 10}}) == "not server-2");
}

TEST_CASE("a lost round is measured once more, before the end") {
    auto all = run_of({{100, 101}, {90, 91}});
    CHECK(is_complete(all.planned, all.done));
    all.done[0].problem = "reset";
    all.done[3].load.doubt = "generator-bound";
    CHECK(cells_left(all.planned, all.done).size() == 2);
    auto again = all.done[0];
    again.problem.clear();
    all.done.push_back(again);
    CHECK(cells_left(all.planned, all.done).size() == 1);
    CHECK(summarize(all.planned, all.done, "").at(0).ranked_row("server-0")->find("rate")->values.size() == 2);
    all.done.push_back(all.done[3]); // in doubt again: that is how it is
    CHECK(is_complete(all.planned, all.done));
    all = run_of({{100, 101, 102}, {90, 91, 92}});
    all.done[0].problem = "reset";
    all.done.erase(all.done.begin() + 2);
    const auto left = cells_left(all.planned, all.done);
    REQUIRE(left.size() == 2);
    CHECK(left.front().round == 3); // what was never measured comes first
    all = run_of({{100, 101}, {90, 91}});
    all.done[0].problem = all.done[1].problem = "reset";
    CHECK(is_complete(all.planned, all.done)); // not a round of it is valid: that is no matter of the round
}

TEST_CASE("what so many rounds can show is what they show 9 times in 10") {
    CHECK(std::isinf(minimum_detectable_effect(0.05, 1, 5)));
    for (const std::size_t rounds : {4, 8}) {
        const auto deviations = std::log(1 + minimum_detectable_effect(residual, rounds, 3)) / residual;
        noise random{19};
        int found = 0;
        for (int tried = 0; tried != 1000; ++tried) {
            const table one{3, static_cast<int>(rounds), deviations, 0.05, random};
            found += differ(one.servers[2], one.servers[0]) ? 1 : 0;
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
    auto one = interval_estimate_of({100, 110, 121}, {1, 2, 3}),
         other = interval_estimate_of({50, 60.5}, {1, 3});
    std::vector<interval_estimate*> both{&one, &other};
    fit_block(both, 1);
    CHECK(one.fit.freedom == 1); // five values, two servers, three rounds
    CHECK(ratio_of(one, other).mean == doctest::Approx(2));
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
