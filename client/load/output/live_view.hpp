// What a person sees while the load runs: a few lines on a terminal, drawn over again. A pipe never gets them.
#pragma once

#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

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

    /// So much time has passed, and so much has come of it. Returns what to write to a terminal of so many
    /// columns, none of which is written beyond the last one; empty: there is nothing new yet.
    std::string redrawn(std::chrono::nanoseconds elapsed, const load_options& options,
                        const load_result& so_far, std::size_t columns);

    /// What makes the terminal as it was.
    [[nodiscard]] std::string cleared(std::size_t columns) const;

private:
    [[nodiscard]] std::vector<std::string> lines(std::chrono::nanoseconds elapsed, const load_options& options,
                                                 const load_result& so_far) const;

    std::mutex lock_;
    std::chrono::nanoseconds length_;
    std::chrono::nanoseconds shown_{};
    [[nodiscard]] std::size_t rows_drawn(std::size_t columns) const;

    std::vector<std::size_t> drawn_; // the widths of the lines on the terminal
    std::size_t columns_ = 0;        // of the terminal when they were drawn
    histogram latest_;               // of the latest interval
    std::deque<double> rates_;
};

/// A bar for each value, the highest one full: "▁▄█".
std::string sparkline(const std::deque<double>& values);

} // namespace parley
