// Coarse monotonic clock, for timeouts and records: exact to a few milliseconds, and several times cheaper than
// steady_clock. Do not measure with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <time.h>

namespace parley {

/// Returns CLOCK_MONOTONIC_COARSE (clock_gettime(2)) as a time of std::chrono::steady_clock, which is
/// CLOCK_MONOTONIC.
inline std::chrono::steady_clock::time_point coarse_now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return std::chrono::steady_clock::time_point{std::chrono::seconds{now.tv_sec} +
                                                 std::chrono::nanoseconds{now.tv_nsec}};
}

/// Returns the time in ms of CLOCK_MONOTONIC, which is the same for all processes of the machine.
inline std::int64_t in_milliseconds(std::chrono::steady_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

} // namespace parley
