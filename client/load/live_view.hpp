// What a person sees while the load runs: a few lines on a terminal, drawn over again. A pipe never gets them.
#pragma once

#include "client/load/intervals.hpp"
#include "client/load/options.hpp"
#include "client/load/result.hpp"

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

    /// So much time has passed, and so much has come of it. Returns what to write to the terminal; empty: there
    /// is nothing new yet.
    std::string redrawn(std::chrono::nanoseconds elapsed, const load_options& options,
                        const load_result& so_far);

    /// What makes the terminal as it was.
    [[nodiscard]] std::string cleared() const;

private:
    [[nodiscard]] std::vector<std::string> lines(std::chrono::nanoseconds elapsed, const load_options& options,
                                                 const load_result& so_far) const;

    std::mutex lock_;
    std::chrono::nanoseconds length_;
    std::chrono::nanoseconds shown_{};
    std::size_t height_ = 0; // lines on the terminal that are ours
    histogram latest_;       // of the latest interval
    std::deque<double> rates_;
};

/// A bar for each value, the highest one full: "▁▄█".
std::string sparkline(const std::deque<double>& values);

} // namespace parley
