// Tests of the times at which requests are due: constant, Poisson, bursts, over steps and ramps.
#include "client/load/plan/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <stdexcept>
#include <vector>

namespace parley {

using namespace std::chrono_literals;

namespace {

using seconds = std::chrono::duration<double>;

std::vector<double> due_times(schedule schedule) {
    std::vector<double> times;
    for (; schedule.next(); schedule.take()) times.push_back(seconds{*schedule.next()}.count());
    return times;
}

profile steady(std::chrono::milliseconds duration, double rate) { return profile{{{duration, rate, rate}}}; }

/// Returns the Kolmogorov-Smirnov statistic: the largest distance between the distribution of the values and
/// `expected`, times the root of their number. It exceeds 1.95 in one of a thousand samples of `expected`.
template <class Distribution>
double kolmogorov_smirnov(std::vector<double> values, Distribution expected) {
    std::sort(values.begin(), values.end());
    const auto count = static_cast<double>(values.size());
    double distance = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double probability = expected(values[i]), rank = static_cast<double>(i);
        distance = std::max({distance, probability - rank / count, (rank + 1) / count - probability});
    }
    return distance * std::sqrt(count);
}

std::string refusal_of(auto read, std::string_view text) {
    try {
        read(text);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "fine";
}

} // namespace

TEST_CASE("constant arrivals are evenly spaced, from the beginning on") {
    const auto times = due_times({steady(10s, 1'000), {}, 1});
    REQUIRE(times.size() == 10'000);
    for (std::size_t i = 0; i < times.size(); ++i)
        REQUIRE(times[i] == doctest::Approx(static_cast<double>(i) / 1'000).epsilon(1e-6));
}

TEST_CASE("bursts come together, as often as the rate allows") {
    const auto times = due_times({steady(1s, 100), {arrivals::kind::burst, 10}, 1});
    REQUIRE(times.size() == 100);
    for (std::size_t i = 0; i < times.size(); ++i)
        CHECK(times[i] == doctest::Approx(static_cast<double>(i / 10) / 10));
}

TEST_CASE("Poisson arrivals have exponential pauses that do not depend on each other") {
    const auto times = due_times({steady(100s, 1'000), {arrivals::kind::poisson, 1}, 7});
    CHECK(static_cast<double>(times.size()) == doctest::Approx(100'000).epsilon(0.02));
    std::vector<double> pauses;
    for (std::size_t i = 1; i < times.size(); ++i) pauses.push_back(times[i] - times[i - 1]);
    CHECK(kolmogorov_smirnov(pauses, [](double pause) { return 1 - std::exp(-1'000 * pause); }) < 1.95);

    double covariance = 0;
    for (std::size_t i = 1; i < pauses.size(); ++i)
        covariance += (pauses[i] * 1'000 - 1) * (pauses[i - 1] * 1'000 - 1);
    CHECK(std::abs(covariance / std::sqrt(static_cast<double>(pauses.size()))) < 4);
}

TEST_CASE("Poisson arrivals follow a ramp") {
    const profile ramp{{{10s, 0, 20'000}}};
    const auto times = due_times({ramp, {arrivals::kind::poisson, 1}, 3});
    CHECK(kolmogorov_smirnov(times, [](double time) { return time * time / 100; }) < 1.95);
}

TEST_CASE("the seed alone decides, and another one decides otherwise") {
    const arrivals random{arrivals::kind::poisson, 1};
    CHECK(due_times({steady(1s, 100), random, 5}) == due_times({steady(1s, 100), random, 5}));
    CHECK(due_times({steady(1s, 100), random, 5}) != due_times({steady(1s, 100), random, 6}));
}

TEST_CASE("threads that share a schedule leave nothing out and take nothing twice") {
    for (const auto kind : {arrivals::kind::constant, arrivals::kind::poisson, arrivals::kind::burst}) {
        const arrivals arriving{kind, 7};
        std::vector<double> shared;
        for (int thread = 0; thread < 3; ++thread) {
            const auto part = due_times({steady(1s, 1'000), arriving, 9, thread, 3});
            shared.insert(shared.end(), part.begin(), part.end());
        }
        std::sort(shared.begin(), shared.end());
        CHECK(shared == due_times({steady(1s, 1'000), arriving, 9}));
    }
}

TEST_CASE("steps and ramps follow each other") {
    const profile rate{{{1s, 100, 100}, {2s, 100, 300}, {1s, 0, 0}, {1s, 10, 10}}};
    CHECK(rate.length() == 5s);
    CHECK(rate.highest() == 300);
    CHECK(rate.at(500ms) == 100);
    CHECK(rate.at(2s) == 200);
    CHECK(rate.at(3500ms) == 0);
    CHECK(rate.at(5s) == 0);
    CHECK(rate.when_reached(50) == 500ms);
    CHECK(rate.when_reached(100) == 1s);
    CHECK(rate.when_reached(250) == 2s); // 100 and the first half of the ramp
    CHECK(rate.when_reached(500) == 4s); // nothing is due while the rate is 0
    CHECK_FALSE(rate.when_reached(510));
    CHECK(due_times({rate, {}, 1}).size() == 510);
}

TEST_CASE("stages and arrivals are read as people write them") {
    const auto step = parse_stage("10s@1000");
    CHECK(step.duration == 10s);
    CHECK(step.from == 1'000);
    CHECK(step.to == 1'000);
    CHECK(step.of == stage::kind::rate);
    const auto ramp = parse_stage("500ms@5..50c");
    CHECK(ramp.duration == 500ms);
    CHECK(ramp.from == 5);
    CHECK(ramp.to == 50);
    CHECK(ramp.of == stage::kind::connections);
    CHECK(parse_arrivals("constant").how == arrivals::kind::constant);
    CHECK(parse_arrivals("poisson").how == arrivals::kind::poisson);
    CHECK(parse_arrivals("burst:20").burst == 20);

    for (const auto* text : {"", "10s", "10@5", "10s@", "10s@-5", "10s@many", "10s@5..", "10s@..5", "0s@5",
                             "10s@1e99", "10s@nan", "1s@5..6..7", "1s@c"})
        CHECK(refusal_of(parse_stage, text) != "fine");
    CHECK(refusal_of(parse_stage, "10s")
              .starts_with("not a stage: '10s': there is no @; write it like 10s@1000"));
    for (const auto* text : {"", "random", "burst", "burst:", "burst:0", "burst:-1", "burst:2x"})
        CHECK(refusal_of(parse_arrivals, text).find("choose constant, poisson or burst:N") !=
              std::string::npos);
}

} // namespace parley
