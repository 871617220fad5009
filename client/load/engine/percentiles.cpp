#include "client/load/engine/percentiles.hpp"

#include <cmath>

namespace parley {

namespace {
constexpr std::uint64_t enough = 10;
}

std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent) {
    if (times.count_beyond(percent) < enough) return std::nullopt;
    return times.value_at_percentile(percent);
}

std::uint64_t answers_needed(double percent) {
    // 99.9 in binary is not quite 99.9, and must not cost one answer more.
    return static_cast<std::uint64_t>(std::ceil(enough / (1 - percent / 100) * (1 - 1e-9)));
}

} // namespace parley
