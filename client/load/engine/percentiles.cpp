#include "client/load/engine/percentiles.hpp"

#include <cmath>

namespace parley {

namespace {
// Fewer times beyond a percentile make it a matter of chance: the standard error of a count of 10 is a third.
constexpr std::uint64_t enough = 10;
} // namespace

std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent) {
    if (times.count_beyond(percent) < enough) return std::nullopt;
    return times.value_at_percentile(percent);
}

std::uint64_t replies_needed(double percent) {
    // 99.9 has no exact binary form. The factor keeps the rounding error from adding one reply.
    return static_cast<std::uint64_t>(std::ceil(enough / (1 - percent / 100) * (1 - 1e-9)));
}

} // namespace parley
