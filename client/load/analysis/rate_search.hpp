// The highest rate that meets a target: doubled until it fails, then halved in between, and that several times
// over, since a single trial near the knee is a matter of luck. The answer is an interval.
#pragma once

#include "client/load/analysis/trial.hpp"

#include <functional>

namespace parley {

struct knee {
    double least = 0; // every trial up to here met the target ... 0: none did
    double most = 0;  // ... and from here on none; 0: no higher rate was tried
    /// What a trial at `most` told; unknown: the knee may lie higher. If `least` is 0, missed: a trial was
    /// missed.
    trial_outcome at_most = trial_outcome::missed;
};

struct knee_search {
    double first = 1'000;    // the rate to begin with
    double highest = 1e7;    // no trial goes beyond
    double precision = 0.05; // the last bracket is this narrow
    int repeats = 3;
};

/// `attempt` runs a trial at a rate. What it throws ends the search.
knee find_knee(const knee_search& how, const std::function<trial_outcome(double rate)>& attempt);

} // namespace parley
