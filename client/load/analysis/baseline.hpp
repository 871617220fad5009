// Comparison of two series of runs: better, worse, or no significant difference. Each run is one observation:
// runs differ by chance (CPU, port, memory layout), which the intervals within a run do not show. For two
// single runs only the change is reported. Background: Georges, Buytaert, Eeckhout, "Statistically rigorous
// Java performance evaluation", OOPSLA 2007.
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

/// The mean of a metric over several runs or intervals, with its standard error.
struct sample {
    estimate value;
    std::size_t count = 0; // of runs or intervals
};

/// The metrics of a run, one value per interval; or of a series, one value per run.
struct interval_metrics {
    std::vector<double> rate;   // replies per second
    std::vector<double> p50_ms; // of the intervals with enough replies
    std::vector<double> p99_ms;

    /// Adds an interval, unless it is shorter than half of `length`: the last one of a run may be.
    void note(const interval& interval, std::chrono::nanoseconds length);

    void add(const interval_metrics& other);

    static const std::array<std::vector<double> interval_metrics::*, 3> all;
};

struct difference {
    enum class judgement { better, worse, cannot_tell };

    std::string name; // "rate", "p50", "p99"
    double before = 0;
    double now = 0;
    /// Confidence interval of the change, as a fraction of `before`. Both are the change itself if it is not
    /// judged.
    double least = 0;
    double most = 0;
    bool is_judged = false;
    judgement result = judgement::cannot_tell;
};

/// Returns the name in the report: "better", "worse" or "cannot tell".
std::string_view to_string(difference::judgement judgement);

/// A series of fewer runs is not judged: its standard error is too uncertain for a useful interval.
inline constexpr std::size_t fewest_runs = 6;

/// Compares two series by Welch's t interval. Three metrics are judged at once, so the interval is widened
/// (Bonferroni): of 100 pairs of equal series, at most 5 show any difference.
difference compare(std::string name, const sample& before, const sample& now, bool more_is_better);

/// Compares runs that alternated. Both runs of a pair met the same state of the machine, so the ratio of each
/// pair is one observation.
difference compare_pairs(std::string name, const std::vector<double>& before, const std::vector<double>& now,
                         bool more_is_better);

/// Compares all metrics of two series that alternated. Contains only pairs of which both runs are valid.
std::vector<difference> compare_alternating(const interval_metrics& before, const interval_metrics& now);

/// Throws std::runtime_error if `earlier` is not a report of parley-load --json, if its figures are not valid,
/// or if its options differ from `options` (in the form of the report). Target and seed may differ.
void check_comparable(const nlohmann::json& earlier, const nlohmann::ordered_json& options);

/// What the values of an interval_metrics belong to: the runs of a series, or the intervals of a run.
enum class metrics_of { series, run };

/// Compares with the report of an earlier series or run, which check_comparable() has accepted.
std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_metrics& now,
                                     metrics_of source);

/// Formats a difference: "rate  9900/s before, 10050/s now (-0.3 % to +3.2 %): no significant difference". For
/// single runs the text has only the change.
std::string to_string(const difference& difference);

sample sample_of(const std::vector<double>& values);

struct range {
    double least, most;
};

/// Returns the 95 % confidence interval of the mean (Student's t); nullopt for fewer than four values.
std::optional<range> confidence_interval(const sample& sample);

} // namespace parley
