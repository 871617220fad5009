// May the figures of a run be believed? A pure function of what was asked and what was observed: valid, or each
// reason why not, with what to do about it. Figures of an invalid run are not printed as a result.
#pragma once

#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

#include <string>
#include <vector>

namespace parley {

struct reason {
    std::string code; // for programs; client/README.md lists all
    std::string text; // for people: one line with the figures and the remedy
};

struct verdict {
    std::vector<reason> reasons;
    [[nodiscard]] bool valid() const { return reasons.empty(); }
};

verdict judge(const load_options& options, const load_result& result);

} // namespace parley
