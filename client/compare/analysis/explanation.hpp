// Explains the rank of each model: its counters next to those of the best model, in words. Only what was
// counted is stated.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct explanation {
    std::string contender;
    std::string workload; // its id
    std::string text;
};

/// Explains each ranked contender of a section: the metric `decides` against the best contender, and the
/// counters that differ most, if the difference is significant. For the best contender: its own counters.
std::vector<explanation> explanations_of(const section& section, std::string_view decides);

} // namespace parley
