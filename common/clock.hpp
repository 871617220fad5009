// A clock for bookkeeping: precise to a few milliseconds, and several times cheaper than one to measure with.
#pragma once

#include <chrono>
#include <cstdint>
#include <time.h>

namespace parley {

/// CLOCK_MONOTONIC_COARSE (clock_gettime(2)), on the scale of std::chrono::steady_clock.
inline std::chrono::steady_clock::time_point coarse_now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return std::chrono::steady_clock::time_point{std::chrono::seconds{now.tv_sec} +
                                                 std::chrono::nanoseconds{now.tv_nsec}};
}

inline std::int64_t in_milliseconds(std::chrono::steady_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

} // namespace parley
