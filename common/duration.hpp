// Conversions of durations: from the text of options (500ms, 10s, 1m), to floating-point numbers, and from
// timeval. human_numbers.hpp prints them.
#pragma once

#include <chrono>
#include <string_view>
#include <sys/time.h>

namespace parley {

/// Parses a whole number with a unit (ms, s, m or h), from 0 to one day. A number without a unit is rejected,
/// because it is ambiguous. Throws std::invalid_argument that quotes the text and says what to write.
std::chrono::milliseconds parse_duration(std::string_view text);

/// Returns milliseconds with their fraction.
constexpr double in_ms(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>{time}.count();
}

/// Returns seconds with their fraction.
constexpr double in_seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>{time}.count();
}

/// Converts a time of getrusage(2).
constexpr std::chrono::microseconds duration_of(const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

} // namespace parley
