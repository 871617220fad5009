// Percentiles that may be told, and figures as people read them.
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace parley {

/// A percentile, or nothing where fewer than ten times lie beyond it: that would be chance.
std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent);

/// How many times it takes until ten of them lie beyond the percentile.
std::uint64_t answers_needed(double percent);

/// As people read a time: three digits and a unit, such as "412 us", "1.03 s".
std::string to_string(std::chrono::nanoseconds time);

/// As people read a count: "1,371,105".
std::string to_string(std::uint64_t count);

/// Three digits: "9.99 MB", "12.3 MB", "480 MB".
std::string three_digits(double value, std::string_view unit);

} // namespace parley
