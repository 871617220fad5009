// Two runs compared: is this one better or worse than an earlier one, or can that not be told? Each figure is a
// mean over the intervals of its run; the difference has a 95 % confidence interval (Welch's). It covers chance
// within the runs, not what differs between two runs: where that matters, two series (--repeat) are compared,
// whose figures are means over their runs.
#pragma once

#include "client/load/course.hpp"
#include "client/load/intervals.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// A figure of a run, with how sure it is.
struct sample {
    estimate value;
    std::size_t count = 0; // of intervals, or of runs
};

/// What a run remembers of its intervals, or a series of its runs.
struct interval_figures {
    std::vector<double> rate;   // answers a second
    std::vector<double> p50_ms; // of those with enough answers
    std::vector<double> p99_ms;

    /// Takes an interval, unless it is a short rest of `length` at the end, which is none like the others.
    void note(const interval& one, std::chrono::nanoseconds length);
};

struct difference {
    enum class judgement { better, worse, cannot_tell };

    std::string name; // "rate", "p50", "p99"
    double before = 0;
    double now = 0;
    double least = 0; // of the change, in parts of `before`: the confidence interval
    double most = 0;
    judgement said = judgement::cannot_tell;
};

std::string_view to_string(difference::judgement said);

/// Compares two samples. Fewer than three intervals on a side tell nothing.
difference compare(std::string name, const sample& before, const sample& now, bool more_is_better);

/// Compares with the report of an earlier run, or an earlier series (--json). Throws std::runtime_error where
/// that is none.
std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_figures& now);

/// "rate  9,900/s before, 10,050/s now (-0.3 % to +3.2 %): cannot tell"
std::string in_words(const difference& each);

sample sample_of(const std::vector<double>& values);

struct range {
    double least, most;
};

/// Where the true mean lies, 95 times in 100 (Student's t); nothing of fewer than four.
std::optional<range> confidence_interval(const sample& one);

} // namespace parley
