// What parley-compare concludes from repeated measurements, against answers that are known.
#include "client/compare/statistics.hpp"

#include "client/fairness.hpp"
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <random>
#include <stdexcept>

namespace parley {

namespace {

estimate of(std::vector<double> values) { return estimate_of(std::move(values)); }

/// Rates of a server, as a busy machine gives them: noise of so many percent, and now and then a round at half
/// the speed. The same on every machine.
class simulated_server {
public:
    explicit simulated_server(std::uint64_t seed) : random_{seed} {}

    estimate measure(double rate, double noise, std::size_t rounds, double stumbles = 0) {
        std::vector<double> values(rounds);
        for (auto& each : values) each = rate * (1 + noise * normal()) * (uniform() < stumbles ? 0.5 : 1);
        return {.values = std::move(values)}; // its interval is of no matter, and takes time
    }

private:
    double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
    /// A sum of twelve is close enough to the bell curve.
    double normal() {
        double sum = -6;
        for (int i = 0; i != 12; ++i) sum += uniform();
        return sum;
    }

    std::mt19937_64 random_;
};

} // namespace

TEST_CASE("a median is the middle, or between the two") {
    CHECK(median_of({3, 1, 2}) == 2);
    CHECK(median_of({4, 1, 2, 10}) == 3);
    CHECK_THROWS_AS(median_of({}), std::invalid_argument);
    CHECK_THROWS_AS(estimate_of({}), std::invalid_argument);
}

TEST_CASE("the interval holds the median, lies within the values, and is the same each time") {
    const auto one = of({5, 1, 9, 7, 3, 8});
    CHECK(one.median == 6);
    CHECK(one.low <= one.median);
    CHECK(one.median <= one.high);
    CHECK(one.low >= 1);
    CHECK(one.high <= 9);
    const auto again = of({5, 1, 9, 7, 3, 8});
    CHECK(again.low == one.low);
    CHECK(again.high == one.high);
    const auto single = of({4});
    CHECK(single.low == 4);
    CHECK(single.high == 4);
}

TEST_CASE("an interval holds the true median nearly 95 times in 100") {
    simulated_server server{1};
    int held = 0;
    for (int i = 0; i != 200; ++i) {
        const auto one = estimate_of(server.measure(1000, 0.05, 12).values);
        held += one.low <= 1000 && 1000 <= one.high ? 1 : 0;
    }
    CHECK(held >= 180);
}

TEST_CASE("the test of ranks is exact") {
    // Of the 70 ways to choose 4 of 8, only the two extremes are as far out.
    CHECK(p_value(of({1, 2, 3, 4}), of({5, 6, 7, 8})) == doctest::Approx(2.0 / 70));
    CHECK(p_value(of({5, 6, 7, 8}), of({1, 2, 3, 4})) == doctest::Approx(2.0 / 70));
    CHECK(p_value(of({1, 2, 3}), of({4, 5, 6})) == doctest::Approx(2.0 / 20));
    CHECK(p_value(of({1, 2, 4}), of({3, 5, 6})) == doctest::Approx(4.0 / 20));
    CHECK(p_value(of({1, 4}), of({2, 3})) == doctest::Approx(1));
    CHECK(p_value(of({7, 7, 7, 7}), of({7, 7, 7, 7})) == doctest::Approx(1));
}

TEST_CASE("three values each are not enough, four are") {
    CHECK_FALSE(told_apart(of({1, 2, 3}), of({4, 5, 6})));
    CHECK(told_apart(of({1, 2, 3, 4}), of({5, 6, 7, 8})));
    CHECK_FALSE(told_apart(of({1, 2, 3, 5}), of({4, 6, 7, 8})));
}

TEST_CASE("two identical models are told apart in at most 5 % of the comparisons") {
    for (const std::size_t rounds : {4, 6, 10})
        for (const double stumbles : {0.0, 0.1}) {
            simulated_server server{rounds};
            int apart = 0;
            for (int i = 0; i != 1000; ++i) {
                const auto one = server.measure(80'000, 0.05, rounds, stumbles);
                apart += told_apart(one, server.measure(80'000, 0.05, rounds, stumbles)) ? 1 : 0;
            }
            CAPTURE(rounds);
            CHECK(apart <= 50);
        }
}

TEST_CASE("a difference of 5 % is found") {
    simulated_server server{7};
    int found = 0;
    for (int i = 0; i != 200; ++i)
        found += told_apart(server.measure(80'000, 0.02, 6), server.measure(84'000, 0.02, 6)) ? 1 : 0;
    CHECK(found >= 180);
    found = 0;
    for (int i = 0; i != 200; ++i)
        found +=
            told_apart(server.measure(80'000, 0.05, 20, 0.05), server.measure(84'000, 0.05, 20, 0.05)) ? 1 : 0;
    CHECK(found >= 120);
}

TEST_CASE("what difference so many rounds can show is what they do show") {
    CHECK(noise_of(of({100, 100, 100, 100})) == 0);
    CHECK(noise_of(of({90, 95, 100, 105, 110})) == doctest::Approx(1.4826 * 0.05));
    CHECK(std::isinf(least_shown(0.05, 3)));
    for (const std::size_t rounds : {4, 6, 16}) {
        const auto difference = least_shown(0.02, rounds);
        simulated_server server{rounds};
        int found = 0;
        for (int i = 0; i != 250; ++i)
            found += told_apart(server.measure(1000, 0.02, rounds),
                                server.measure(1000 * (1 + difference), 0.02, rounds))
                         ? 1
                         : 0;
        CAPTURE(rounds);
        CAPTURE(difference);
        CHECK(found >= 205); // about 225: the noise grows with the rate, and chance is left
        CHECK(found <= 245);
    }
    const auto rounds = rounds_to_show(0.05, 0.05);
    CHECK(least_shown(0.05, rounds) <= 0.05);
    CHECK(least_shown(0.05, rounds - 1) > 0.05);
    CHECK(rounds_to_show(0.5, 0.01) == 4);
}

TEST_CASE("a ratio has an interval of its own") {
    const auto twice = ratio_of(of({200, 210, 190, 205}), of({100, 98, 102, 101}));
    CHECK(twice.median == doctest::Approx(202.5 / 100.5));
    CHECK(twice.low < 2.01);
    CHECK(twice.low > 1.8);
    CHECK(twice.high > 2);
    CHECK(twice.high < 2.2);
}

TEST_CASE("a group holds all that are not told apart from its leader") {
    const std::vector<estimate> all{of({9, 10, 11, 12}), of({18, 20, 22, 21}), of({17, 19, 21.5, 20.5}),
                                    of({1, 1.1, 1.2, 1.3})};
    CHECK(groups_of(all) == std::vector<std::vector<std::size_t>>{{1, 2}, {0}, {3}});
    CHECK(groups_of(all, best::lowest) == std::vector<std::vector<std::size_t>>{{3}, {0}, {2, 1}});
    CHECK(groups_of({}).empty());
}

TEST_CASE("fairness is 1 for equal shares, and 1/n for one that has it all") {
    CHECK(fairness_of(std::vector{5, 5, 5, 5}) == doctest::Approx(1));
    CHECK(fairness_of(std::vector{8, 0, 0, 0}) == doctest::Approx(0.25));
    CHECK(fairness_of(std::vector{3, 1}) == doctest::Approx(0.8));
    CHECK(fairness_of(std::vector<double>{}) == 1);
}

} // namespace parley
