#include "client/load/output/live_view.hpp"

#include "client/load/analysis/verdict.hpp"
#include "client/load/engine/percentiles.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"
#include "common/terminal_width.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

using namespace std::chrono_literals;

constexpr auto refresh = 200ms;
constexpr std::size_t most_bars = 60; // a minute of one-second intervals, and fits 80 columns

/// Returns the verdict that the run would get if it ended now. That it is too short is ignored.
std::string verdict_so_far(const load_options& options, const load_result& so_far) {
    if (so_far.stats.errors.count() > 0) return "not valid: there are errors";
    if (!settled_percentile(so_far.stats.latency, 50)) return "too few replies yet";
    auto reasons = judge(options, so_far).reasons;
    std::erase_if(reasons, [](const reason& reason) { return reason.code == "too-short"; });
    return reasons.empty() ? "valid" : "not valid: " + reasons.front().code;
}

} // namespace

std::string sparkline(const std::deque<double>& values) {
    constexpr std::string_view bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const double highest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    std::string text;
    for (const double value : values)
        text +=
            bars[highest > 0 ? static_cast<std::size_t>(std::lround(7 * std::max(value, 0.0) / highest)) : 0];
    return text;
}

void live_view::add(const interval& interval) {
    const std::lock_guard lock{mutex_};
    const std::chrono::duration<double> length = interval.length;
    if (length.count() <= 0) return;
    rates_.push_back(static_cast<double>(interval.latency.count()) / length.count());
    const auto window = std::min<std::size_t>(most_bars, static_cast<std::size_t>(60s / length_));
    if (rates_.size() > std::max<std::size_t>(window, 10)) rates_.pop_front();
    latest_ = interval.latency;
}

std::vector<std::string> live_view::lines(std::chrono::nanoseconds elapsed, const load_options& options,
                                          const load_result& so_far) const {
    const auto percentile = [&](double percent) {
        const auto time = settled_percentile(latest_, percent);
        return time ? format_duration(*time) : std::string{"-"};
    };
    const auto rate = rates_.empty() ? "warming up" : fmt::format("{:.0f} requests/s", rates_.back());
    return {fmt::format("{:7.1f} s   {}   {} replies   {} errors", in_seconds(elapsed), rate,
                        format_count(so_far.stats.all_answered), format_count(so_far.stats.errors.count())),
            fmt::format("latency     p50 {}   p90 {}   p99 {}   max {}", percentile(50), percentile(90),
                        percentile(99), latest_.count() ? format_duration(latest_.max()) : "-"),
            fmt::format("rate        {}", sparkline(rates_)),
            fmt::format("verdict     so far: {}      (Ctrl-C ends early, with the report)",
                        verdict_so_far(options, so_far))};
}

// A terminal that has become narrower has wrapped the lines.
std::size_t live_view::rows_drawn(std::size_t columns) const {
    std::size_t rows = 0;
    for (const auto width : drawn_) rows += std::max<std::size_t>(1, (width + columns - 1) / columns);
    return rows;
}

std::string live_view::redrawn(std::chrono::nanoseconds elapsed, const load_options& options,
                               const load_result& so_far, std::size_t columns) {
    if (elapsed - shown_at_ < refresh) return {};
    const std::lock_guard lock{mutex_};
    shown_at_ = elapsed;
    std::string text;
    if (!drawn_.empty()) text += fmt::format("\x1b[{}A", rows_drawn(columns));
    if (columns != columns_) text += "\r\x1b[J";
    columns_ = columns;
    drawn_.clear();
    for (const auto& line : lines(elapsed, options, so_far)) {
        const auto shown = cut_to(line, columns - 1); // some terminals erase the last column if it is written
        text += fmt::format("\r{}\x1b[K\n", shown);
        drawn_.push_back(width_of(shown));
    }
    return text;
}

std::string live_view::cleared(std::size_t columns) const {
    return drawn_.empty() ? std::string{} : fmt::format("\x1b[{}A\r\x1b[J", rows_drawn(columns));
}

} // namespace parley
