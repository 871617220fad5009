// The mean of repeated measurements and its standard error. parley-load compares parts of a run with it, and
// parley-compare builds its intervals on it.
#pragma once

#include <span>

namespace parley {

struct estimate {
    double mean = 0;
    double standard_error = 0; // of the mean; 0 if there are fewer than two values
};

/// Returns the arithmetic mean and its standard error; both are 0 if there are no values.
estimate estimate_of(std::span<const double> values);

} // namespace parley
