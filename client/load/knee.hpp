// The highest rate that meets a target: doubled until it fails, then halved in between, and that several times
// over, since a single trial near the knee is a matter of luck. The answer is an interval.
#pragma once

#include <functional>
#include <stdexcept>

namespace parley {

struct knee {
    double least = 0; // every trial up to here met the target ... 0: none did
    double most = 0;  // ... and from here on none; 0: none has failed
};

struct knee_search {
    double first = 1'000;    // the rate to begin with
    double highest = 1e7;    // no trial goes beyond
    double precision = 0.05; // the last bracket is this narrow
    int repeats = 3;
};

/// `meets` runs a trial at a rate. What it throws ends the search.
knee find_knee(const knee_search& how, const std::function<bool(double rate)>& meets);

} // namespace parley
