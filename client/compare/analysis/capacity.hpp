// Up to how many connections each server serves all of them, and what is wrong with the first number that is
// too many: of all levels that the run has tried.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <vector>

namespace parley {

struct capacity {
    std::string name;
    int served = 0;    // the highest level below `too_many` at which all were served; 0: none
    int too_many = 0;  // the lowest level at which that failed; 0: none did
    std::string why{}; // ... and the reason

    friend bool operator==(const capacity&, const capacity&) = default;
};

/// Of the sections that differ by their long-lived connections only (the question "levels"); who was served
/// best first. Empty: the run has not asked.
std::vector<capacity> capacities_of(const std::vector<section>& all);

/// "100 served, 1000 too many: only 256 were served"
std::string to_string(const capacity& one);

} // namespace parley
