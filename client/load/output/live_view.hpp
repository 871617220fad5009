// Live view of a running load: a few lines that are redrawn in place on a terminal. It is not written to pipes.
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
    /// `length` is that of the intervals.
    explicit live_view(std::chrono::nanoseconds length) : length_{length} {}

    /// Adds a complete interval. Thread-safe.
    void add(const interval& interval);

    /// Returns the text that redraws the view on a terminal with `columns` columns; no line is wider. Returns
    /// an empty text if the last redraw was less than a fifth of a second ago.
    std::string redrawn(std::chrono::nanoseconds elapsed, const load_options& options,
                        const load_result& so_far, std::size_t columns);

    /// Returns the text that removes the view from the terminal.
    [[nodiscard]] std::string cleared(std::size_t columns) const;

private:
    [[nodiscard]] std::vector<std::string> lines(std::chrono::nanoseconds elapsed, const load_options& options,
                                                 const load_result& so_far) const;

    /// Returns how many rows the view takes on a terminal that may have become narrower.
    [[nodiscard]] std::size_t rows_drawn(std::size_t columns) const;

    std::mutex mutex_; // guards latest_ and rates_
    std::chrono::nanoseconds length_;
    std::chrono::nanoseconds shown_at_{}; // elapsed time at the last redraw
    std::vector<std::size_t> drawn_;      // the widths of the lines on the terminal
    std::size_t columns_ = 0;             // of the terminal at the last redraw
    histogram latest_;                    // of the latest interval
    std::deque<double> rates_;
};

/// Returns a bar per value; the highest value has the full height: "▁▄█".
std::string sparkline(const std::deque<double>& values);

} // namespace parley
