// Each pair of successive samples gives one value. The values are treated as independent, which is nearly true
// for samples that are a tenth of a second apart.
#include "client/load/analysis/throughput_series.hpp"

#include <cmath>
#include <functional>

namespace parley {

namespace {

using value_between =
    std::function<std::optional<double>(const throughput_sample& before, const throughput_sample& after)>;

std::optional<thirds> in_thirds(std::span<const throughput_sample> throughput, const value_between& value) {
    constexpr std::size_t fewest = 5; // fewer values have no reliable standard error
    std::vector<double> values;
    for (std::size_t i = 1; i < throughput.size(); ++i)
        if (const auto result = value(throughput[i - 1], throughput[i])) values.push_back(*result);
    const auto size = values.size() / 3;
    if (size < fewest) return std::nullopt;
    const std::span all{values};
    return thirds{estimate_of(all.first(size)), estimate_of(all.last(size))};
}

} // namespace

bool differ(const estimate& left, const estimate& right) {
    return std::abs(left.mean - right.mean) > 3 * std::hypot(left.standard_error, right.standard_error);
}

std::optional<thirds> rate_in_thirds(std::span<const throughput_sample> throughput) {
    return in_thirds(
        throughput,
        [](const throughput_sample& before, const throughput_sample& after) -> std::optional<double> {
            const std::chrono::duration<double> time = after.at - before.at;
            if (time.count() <= 0) return std::nullopt;
            return static_cast<double>(after.answered - before.answered) / time.count();
        });
}

std::optional<thirds> latency_in_thirds(std::span<const throughput_sample> throughput) {
    return in_thirds(
        throughput,
        [](const throughput_sample& before, const throughput_sample& after) -> std::optional<double> {
            if (after.answered == before.answered) return std::nullopt;
            return (after.latency_sum - before.latency_sum) /
                   static_cast<double>(after.answered - before.answered);
        });
}

} // namespace parley
