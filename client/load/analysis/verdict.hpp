// Validity of a run's figures, as a pure function of its options and its result. An invalid run has reasons,
// each with advice; its figures are not printed as a result.
#pragma once

#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

#include <string>
#include <vector>

namespace parley {

struct reason {
    std::string code; // in the JSON report; client/README.md lists all
    std::string text; // in the text report: one line with the figures and advice
};

struct verdict {
    std::vector<reason> reasons;
    [[nodiscard]] bool valid() const { return reasons.empty(); }
};

/// Judges a run; the constants in verdict.cpp are its limits.
verdict judge(const load_options& options, const load_result& result);

} // namespace parley
