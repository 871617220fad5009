// What a run means: has it failed, may its figures be believed, are they good enough, are they better than
// before? The exit status says the same to scripts.
#pragma once

#include "client/load/analysis/baseline.hpp"
#include "client/load/analysis/verdict.hpp"
#include "client/load/plan/threshold.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley {

struct outcome {
    verdict said;
    std::vector<std::string> complaints; // why the run has failed, a clear line each; none: it has not
    std::vector<threshold> missed;
    std::vector<difference> changes; // since an earlier run, where there is one

    /// 0 done, 1 failed, 3 not valid, 4 a threshold was missed.
    [[nodiscard]] int exit_status() const;
};

/// Errors for which there is a threshold are no complaint.
outcome conclude(const load_options& options, const load_result& result);

/// Why the run has failed; none: it has not.
std::vector<std::string> complaints(const load_result& result, bool allow_unanswered,
                                    const std::vector<threshold>& thresholds = {});

} // namespace parley
