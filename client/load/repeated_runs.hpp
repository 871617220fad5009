// Series of equal runs (--repeat). Runs differ by chance (CPU, port, memory layout of the server), and only
// repetition shows by how much. Each figure is a mean over the valid runs with its 95 % confidence interval.
#pragma once

#include "client/load/analysis/baseline.hpp"
#include "client/load/analysis/outcome.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace parley {

class repeated_load {
public:
    /// Adds a run. Returns a line that describes it.
    std::string add(const load_options& options, const load_result& result);

    /// Returns the summary of all runs as text. `changes` are those since an earlier series.
    [[nodiscard]] std::string text_report(const std::vector<difference>& changes) const;

    /// Returns the figures and the report of each run.
    [[nodiscard]] nlohmann::ordered_json to_json(const std::vector<difference>& changes) const;

    /// Returns rate, p50 and p99 of each valid run.
    [[nodiscard]] const interval_metrics& means() const { return means_; }

    /// Returns the same of the run that was added last; empty if it is not valid.
    [[nodiscard]] const interval_metrics& last() const { return last_; }

    /// Returns the worst exit status of all runs: failed (1), then not valid (3), then a threshold missed (4).
    [[nodiscard]] int exit_status() const;

private:
    interval_metrics means_, last_;
    nlohmann::ordered_json runs_ = nlohmann::ordered_json::array();
    std::vector<int> statuses_;
};

/// Runs against two servers in alternation: A B A B ... A slow phase of the machine affects both.
class alternating_runs {
public:
    repeated_load own, other;

    /// Adds the last runs of both as a pair. Call it after each of them has got one more run.
    void add_pair();

    /// Returns how `own` differs from `other`, by the pairs of which both runs are valid.
    [[nodiscard]] std::vector<difference> changes() const {
        return compare_alternating(other_pairs_, own_pairs_);
    }

private:
    interval_metrics own_pairs_, other_pairs_;
};

} // namespace parley
