#include "common/statistics.hpp"

#include <cmath>
#include <numeric>

namespace parley {

estimate estimate_of(std::span<const double> values) {
    if (values.empty()) return {};
    const auto count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    if (values.size() < 2) return {mean, 0};
    double squares = 0;
    for (const auto value : values) squares += (value - mean) * (value - mean);
    return {mean, std::sqrt(squares / (count - 1) / count)};
}

} // namespace parley
