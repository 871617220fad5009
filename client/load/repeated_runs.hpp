// The same load several times over: what differs between two runs (which core, which port, how the server's
// memory lies) is chance, too, and only repeats show how much. Each figure is a mean over the runs, with its 95
// % confidence interval; a run that is not valid is shown, and not counted.
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
    /// Takes the outcome of one more run, and says it in a line.
    std::string add(const load_options& options, const load_result& result);

    /// All of them, for people. `changes`: since an earlier series.
    [[nodiscard]] std::string text_report(const std::vector<difference>& changes) const;

    /// For programs: the figures, and the report of each run.
    [[nodiscard]] nlohmann::ordered_json to_json(const std::vector<difference>& changes) const;

    /// Of each run that counts: its rate, p50 and p99.
    [[nodiscard]] const interval_metrics& figures() const { return figures_; }

    /// The same of the run that was added last; empty if it does not count.
    [[nodiscard]] const interval_metrics& last() const { return last_; }

    /// That of the worst run: a failure before a doubt, a doubt before a threshold that was missed.
    [[nodiscard]] int exit_status() const;

private:
    interval_metrics figures_, last_;
    nlohmann::ordered_json runs_ = nlohmann::ordered_json::array();
    std::vector<int> statuses_;
};

/// The runs against two servers, made in turns: A B A B ... What slows the machine meets both alike.
class loads_in_turns {
public:
    repeated_load own, other;

    /// To be called after each has taken the outcome of one more run.
    void pair();

    /// How `own` differs from `other`, by the pairs in which both runs count.
    [[nodiscard]] std::vector<difference> changes() const { return compare_in_turns(others_, owns_); }

private:
    interval_metrics owns_, others_;
};

} // namespace parley
