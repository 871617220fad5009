// Tests of histogram against the exact order of a million values that lie close together, far apart, in two
// clusters, or all at one value.
#include "client/conversation/histogram.hpp"

#include <algorithm>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace parley {

using namespace std::chrono_literals;

TEST_CASE("percentiles of a million values are at most 1/1024 over the exact ones, and never under them") {
    std::mt19937_64 random{1};
    std::uniform_real_distribution<> uniform{1e3, 60e9};
    std::exponential_distribution<> exponential{1 / 50e3};
    std::lognormal_distribution<> lognormal{12, 2};
    std::cauchy_distribution<> heavy_tail{100e3, 20e3};
    const auto two_heaps = [&] {
        return random() % 100 == 0 ? 40e6 + 1e6 * (random() % 3) : 30e3 + random() % 900;
    };

    struct kind {
        std::string name;
        std::function<double()> next;
    };
    const kind kinds[] = {
        {"uniform", [&] { return uniform(random); }},
        {"exponential", [&] { return exponential(random); }},
        {"lognormal", [&] { return lognormal(random); }},
        {"heavy tail", [&] { return std::abs(heavy_tail(random)); }},
        {"two heaps", two_heaps},
        {"one value", [] { return 123'456'789.0; }},
    };
    for (const auto& [name, next] : kinds) {
        CAPTURE(name);
        constexpr std::size_t count = 1'000'000;
        std::vector<std::int64_t> exact(count);
        histogram histogram;
        for (auto& value : exact) {
            value = static_cast<std::int64_t>(std::min(next(), 60e9));
            histogram.record(std::chrono::nanoseconds{value});
        }
        std::sort(exact.begin(), exact.end());

        for (const std::size_t per_100_000 :
             {1, 1'000, 25'000, 50'000, 90'000, 99'000, 99'900, 99'990, 99'999, 100'000}) {
            CAPTURE(per_100_000);
            const auto truth = exact[count / 100'000 * per_100_000 - 1];
            const auto value = histogram.value_at_percentile(static_cast<double>(per_100_000) / 1'000).count();
            CHECK(value >= truth);
            CHECK(value - truth <= truth / 1024);
            CHECK(histogram.count_beyond(static_cast<double>(per_100_000) / 1'000) ==
                  count - count / 100'000 * per_100_000);
        }
        CHECK(histogram.min().count() == exact.front());
        CHECK(histogram.max().count() == exact.back());
        CHECK(histogram.count() == count);
        CHECK(histogram.over_maximum() == 0);
        std::uint64_t sum = 0;
        for (const auto value : exact) sum += static_cast<std::uint64_t>(value);
        CHECK(histogram.mean().count() == static_cast<std::int64_t>(sum / count));
    }
}

TEST_CASE("short times are counted to the nanosecond") {
    histogram times;
    for (int value = 1; value <= 2'000; ++value) times.record(std::chrono::nanoseconds{value});
    CHECK(times.value_at_percentile(50) == 1'000ns);
    CHECK(times.value_at_percentile(99.9) == 1'998ns);
    CHECK(times.value_at_percentile(0) == 1ns);
    CHECK(times.value_at_percentile(100) == 2'000ns);
}

TEST_CASE("what is over a minute is counted as a minute, and said") {
    histogram times;
    times.record(1s);
    times.record(61s);
    times.record(std::chrono::hours{24 * 365});
    CHECK(times.count() == 3);
    CHECK(times.over_maximum() == 2);
    CHECK(times.max() == 60s);
    CHECK(times.value_at_percentile(100) == 60s);
}

TEST_CASE("a clock that steps back counts as no time") {
    histogram times;
    times.record(-5ns);
    CHECK(times.min() == 0ns);
    CHECK(times.max() == 0ns);
}

TEST_CASE("an empty histogram has only zeros") {
    const histogram times;
    CHECK(times.count() == 0);
    CHECK(times.min() == 0ns);
    CHECK(times.max() == 0ns);
    CHECK(times.mean() == 0ns);
    CHECK(times.value_at_percentile(99) == 0ns);
    CHECK(times.count_beyond(50) == 0);
}

TEST_CASE("two histograms added are the histogram of all their values") {
    std::mt19937_64 random{2};
    histogram whole;
    histogram halves[2];
    for (int i = 0; i < 10'000; ++i) {
        const std::chrono::nanoseconds value{random() % 70'000'000'000};
        whole.record(value);
        halves[i % 2].record(value);
    }
    halves[0].add(halves[1]);
    CHECK(halves[0].count() == whole.count());
    CHECK(halves[0].over_maximum() == whole.over_maximum());
    CHECK(halves[0].min() == whole.min());
    CHECK(halves[0].max() == whole.max());
    CHECK(halves[0].mean() == whole.mean());
    for (double percent = 0; percent <= 100; percent += 0.5)
        CHECK(halves[0].value_at_percentile(percent) == whole.value_at_percentile(percent));
}

} // namespace parley
