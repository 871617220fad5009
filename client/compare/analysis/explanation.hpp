// Why does a model do as it does? Its counters beside those of the best one, in words: no more than was
// counted.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct reasoning {
    std::string contender;
    std::string workload; // its id
    std::string text;
};

/// For every ranked contender of a section: the figure that decides beside the best one's, and those counters
/// that differ most from that one's, if they are shown to differ. Of the best one: its own counters.
std::vector<reasoning> explanations_of(const section& one, std::string_view decides);

} // namespace parley
