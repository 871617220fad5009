// Who is best at one figure, and who is not told apart from whom.
#pragma once

#include "client/compare/summary.hpp"

#include <string>
#include <utility>
#include <vector>

namespace parley {

struct ranking {
    std::vector<std::pair<std::string, estimate>> rows; // the best first
    std::vector<std::vector<std::size_t>> groups;       // of indices into rows; the best group first
};

/// Of the ranked rows of a section that have the figure.
ranking rank(const section& one, const figure& by);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& names);

/// "thread and pool (not told apart)"
std::string names_of(const ranking& in, const std::vector<std::size_t>& group);

} // namespace parley
