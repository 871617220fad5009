// Durations as people write them in options: 500ms, 10s, 1m; as plain numbers; and as the kernel counts them.
#pragma once

#include <chrono>
#include <string_view>
#include <sys/time.h>

namespace parley {

/// Reads a whole number with its unit (ms, s, m or h), from 0 up to a day. A number without a unit is not
/// taken: is 10 short or long? Throws std::invalid_argument that names the text and says what to write.
std::chrono::milliseconds parse_duration(std::string_view text);

/// With what is left of one.
constexpr double in_ms(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>{time}.count();
}

constexpr double in_seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>{time}.count();
}

/// As getrusage(2) has it.
constexpr std::chrono::microseconds duration_of(const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

} // namespace parley
