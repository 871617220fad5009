// Percentiles that rest on enough data.
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace parley {

/// Returns the percentile; nullopt if fewer than ten times lie beyond it, since it would be a matter of chance.
std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent);

/// Returns the number of times that are needed so that ten lie beyond the percentile.
std::uint64_t replies_needed(double percent);

} // namespace parley
