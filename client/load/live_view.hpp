// What a person sees while the load runs: a few lines on a terminal, drawn over again. A pipe never gets them.
#pragma once

#include "client/load/course.hpp"
#include "client/load/intervals.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace parley {

class live_view {
public:
    explicit live_view(std::chrono::nanoseconds length) : length_{length} {}

    /// An interval is over. Any thread may call it.
    void add(const interval& one);

    /// So much time has passed, and so many answers have come in all. Returns what to write to the terminal;
    /// empty: there is nothing new yet.
    std::string redrawn(std::chrono::nanoseconds elapsed, std::uint64_t answered, std::uint64_t errors);

    /// What makes the terminal as it was.
    [[nodiscard]] std::string cleared() const;

private:
    [[nodiscard]] std::vector<std::string> lines(std::chrono::nanoseconds elapsed, std::uint64_t answered,
                                                 std::uint64_t errors) const;
    [[nodiscard]] std::string so_far(std::uint64_t errors) const;

    std::mutex lock_;
    std::chrono::nanoseconds length_;
    std::chrono::nanoseconds shown_{};
    std::size_t height_ = 0; // lines on the terminal that are ours
    histogram latest_;       // of the latest interval
    std::deque<double> rates_;
    std::vector<moment> course_{{}};
};

/// A bar for each value, the highest one full: "▁▄█".
std::string sparkline(const std::deque<double>& values);

} // namespace parley
