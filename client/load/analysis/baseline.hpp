// Two series of runs compared: is this one better or worse than an earlier one, or can that not be told? Each
// run is one observation, since what differs between two runs (which core, which port, how the memory lies) is
// chance, too, and the intervals within a run do not show it. Of two single runs only the change is told.
#pragma once

#include "client/load/analysis/throughput_series.hpp"
#include "client/load/engine/intervals.hpp"

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// A figure of a run, with how sure it is.
struct sample {
    estimate value;
    std::size_t count = 0; // of runs, or of intervals
};

/// What a run remembers of its intervals, or a series of its runs.
struct interval_metrics {
    std::vector<double> rate;   // answers a second
    std::vector<double> p50_ms; // of those with enough answers
    std::vector<double> p99_ms;

    /// Takes an interval, unless it is a short rest of `length` at the end, which is none like the others.
    void note(const interval& one, std::chrono::nanoseconds length);

    void add(const interval_metrics& other);

    static const std::array<std::vector<double> interval_metrics::*, 3> all;
};

struct difference {
    enum class judgement { better, worse, cannot_tell };

    std::string name; // "rate", "p50", "p99"
    double before = 0;
    double now = 0;
    double least = 0; // of the change, in parts of `before`: the confidence interval; both are the change
    double most = 0;  // itself if it is not judged
    bool is_judged = false;
    judgement said = judgement::cannot_tell;
};

std::string_view to_string(difference::judgement said);

/// Fewer runs on a side are not judged.
inline constexpr std::size_t fewest_runs = 6;

/// Compares two series, whose samples are of runs (Welch's t interval). Three figures are judged at once: of
/// 100 pairs of equal series, 5 have any difference.
difference compare(std::string name, const sample& before, const sample& now, bool more_is_better);

/// Compares runs that were made in turns: each pair has seen the same machine, so its ratio is one observation.
difference compare_pairs(std::string name, const std::vector<double>& before, const std::vector<double>& now,
                         bool more_is_better);

/// Two series that were made in turns, in pairs of which both runs count.
std::vector<difference> compare_in_turns(const interval_metrics& before, const interval_metrics& now);

/// Throws std::runtime_error if `earlier` is no report of parley-load --json, if its figures are not valid, or
/// if it was made with other options than `options` (as the report has them; the target may be another one).
void check_comparable(const nlohmann::json& earlier, const nlohmann::ordered_json& options);

/// Compares with such a report: of an earlier series, or run. `now` has the runs of a series, or the intervals
/// of a run.
enum class figures_are { of_a_series, of_a_run };
std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_metrics& now,
                                     figures_are kind);

/// "rate  9,900/s before, 10,050/s now (-0.3 % to +3.2 %): cannot tell"; of single runs only the change
std::string to_string(const difference& each);

sample sample_of(const std::vector<double>& values);

struct range {
    double least, most;
};

/// Where the true mean lies, 95 times in 100 (Student's t); nothing of fewer than four.
std::optional<range> confidence_interval(const sample& one);

} // namespace parley
