// Time series of the replies of a run. If its first and its last third differ significantly, the run had not
// reached a steady state, and one figure cannot describe it.
#pragma once

#include "common/statistics.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace parley {

/// The totals at a moment of the counted time.
struct throughput_sample {
    std::chrono::nanoseconds at{};
    std::uint64_t answered = 0;
    double latency_sum = 0; // of the replies, in seconds
};

/// True if the means differ by more than three standard errors of their difference.
bool differ(const estimate& left, const estimate& right);

struct thirds {
    estimate first, last;
};

/// Returns the replies per second in the first and the last third; nullopt if a third has fewer than five
/// values.
std::optional<thirds> rate_in_thirds(std::span<const throughput_sample> throughput);

/// Returns the mean latency in seconds in the first and the last third; nullopt as above.
std::optional<thirds> latency_in_thirds(std::span<const throughput_sample> throughput);

} // namespace parley
