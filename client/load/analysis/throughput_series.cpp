// Each pair of moments that follow each other gives one value; neighbours are taken as independent, which a
// tenth of a second makes nearly true.
#include "client/load/analysis/throughput_series.hpp"

#include <cmath>
#include <functional>

namespace parley {

namespace {

using value_between = std::function<std::optional<double>(const throughput_sample& before, const throughput_sample& after)>;

std::optional<thirds> in_thirds(std::span<const throughput_sample> throughput, const value_between& value) {
    constexpr std::size_t fewest = 5;
    std::vector<double> values;
    for (std::size_t each = 1; each < throughput.size(); ++each)
        if (const auto one = value(throughput[each - 1], throughput[each])) values.push_back(*one);
    const auto size = values.size() / 3;
    if (size < fewest) return std::nullopt;
    const std::span all{values};
    return thirds{estimate_of(all.first(size)), estimate_of(all.last(size))};
}

} // namespace

bool differ(const estimate& one, const estimate& other) {
    return std::abs(one.mean - other.mean) > 3 * std::hypot(one.standard_error, other.standard_error);
}

std::optional<thirds> rate_in_thirds(std::span<const throughput_sample> throughput) {
    return in_thirds(throughput, [](const throughput_sample& before, const throughput_sample& after) -> std::optional<double> {
        const std::chrono::duration<double> time = after.at - before.at;
        if (time.count() <= 0) return std::nullopt;
        return static_cast<double>(after.answered - before.answered) / time.count();
    });
}

std::optional<thirds> latency_in_thirds(std::span<const throughput_sample> throughput) {
    return in_thirds(throughput, [](const throughput_sample& before, const throughput_sample& after) -> std::optional<double> {
        if (after.answered == before.answered) return std::nullopt;
        return (after.latency_sum - before.latency_sum) / static_cast<double>(after.answered - before.answered);
    });
}

} // namespace parley
