// The highest connection count that each server sustained, and why the next one failed.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <vector>

namespace parley {

struct capacity {
    std::string name;
    int served = 0;    // the highest level below `too_many` at which all connections were served; 0: none
    int too_many = 0;  // the lowest level that failed; 0: none failed
    std::string why{}; // why `too_many` failed

    friend bool operator==(const capacity&, const capacity&) = default;
};

/// Evaluates the sections of the question "levels", which differ only in their number of long-lived
/// connections. The highest capacity comes first. Returns an empty vector if the run has no such section.
std::vector<capacity> capacities_of(const std::vector<section>& sections);

/// "100 served, 1000 too many: only 256 were served"
std::string to_string(const capacity& capacity);

} // namespace parley
