// Outcome of a run: whether it failed, whether its figures are valid, which thresholds it missed, and what
// changed since an earlier run. The exit status tells the same to scripts.
#pragma once

#include "client/load/analysis/baseline.hpp"
#include "client/load/analysis/verdict.hpp"
#include "client/load/plan/threshold.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley {

struct outcome {
    parley::verdict verdict;
    std::vector<std::string> complaints; // reasons why the run failed, one line each; empty: it did not
    std::vector<threshold> missed;
    std::vector<difference> changes; // since an earlier run, if there is one

    /// Returns 0 if the run succeeded, 1 if it failed, 3 if it is not valid, 4 if it missed a threshold.
    [[nodiscard]] int exit_status() const;
};

/// Judges a run. Errors for which there is a threshold are judged by that alone.
outcome conclude(const load_options& options, const load_result& result);

/// Returns the reasons why the run failed; none if it did not.
std::vector<std::string> complaints(const load_result& result, bool allow_unanswered,
                                    const std::vector<threshold>& thresholds = {});

} // namespace parley
