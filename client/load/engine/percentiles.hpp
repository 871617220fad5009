// Percentiles that may be told, and figures as people read them.
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace parley {

/// A percentile, or nothing where fewer than ten times lie beyond it: that would be chance.
std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent);

/// How many times it takes until ten of them lie beyond the percentile.
std::uint64_t answers_needed(double percent);

} // namespace parley
