// How a run went on: what had been answered, at one moment after the other. Where its first and its last third
// differ by more than chance, it had not settled, and one figure cannot describe it.
#pragma once

#include "common/statistics.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace parley {

/// So much had been answered after so much counted time.
struct throughput_sample {
    std::chrono::nanoseconds at{};
    std::uint64_t answered = 0;
    double latency_sum = 0; // of those, in seconds
};

/// Do they differ by more than chance (three standard errors)?
bool differ(const estimate& one, const estimate& other);

struct thirds {
    estimate first, last;
};

/// Answers per second in the first and the last third; nothing where a third has less than five moments.
std::optional<thirds> rate_in_thirds(std::span<const throughput_sample> throughput);

/// The same for the mean latency in seconds.
std::optional<thirds> latency_in_thirds(std::span<const throughput_sample> throughput);

} // namespace parley
