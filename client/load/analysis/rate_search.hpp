// Search of the highest rate that meets a target (--find-knee): an exponential search, then a bisection, both
// repeated, because a single trial near the knee is a matter of chance. The result is an interval.
#pragma once

#include "client/load/analysis/trial.hpp"

#include <functional>

namespace parley {

struct knee {
    double least = 0; // lowest rate that ended a search as met; 0: no rate met the target
    double most = 0;  // highest rate that ended a search as not met; 0: no higher rate was tried
    /// The outcome of the trial at `most`. If it is unknown, the knee may lie higher. If `least` is 0, it is
    /// `missed` if any trial missed the target.
    trial_outcome at_most = trial_outcome::missed;
};

struct knee_search {
    double first = 1'000;    // first rate to try
    double highest = 1e7;    // highest rate to try: more than one generator can send
    double precision = 0.05; // the bisection ends when the bracket is this narrow
    int repeats = 3;
};

/// Searches the knee. `attempt` runs a trial at a rate. An exception of it ends the search.
knee find_knee(const knee_search& search, const std::function<trial_outcome(double rate)>& attempt);

} // namespace parley
