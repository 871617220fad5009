// Claims of the lecture notes, tested against this run. A claim is listed only if the run measured it.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <vector>

namespace parley {

struct claim {
    /// Confirmed if the whole interval is on the claimed side of the claimed amount, refuted if it is on the
    /// other side, undecided if it includes the amount.
    enum class verdict { confirmed, refuted, undecided };

    std::string text; // names the amount, which is fixed before the measurement
    verdict is = verdict::undecided;
    std::string evidence; // the measured values
};
std::string_view name_of(claim::verdict verdict);

/// Tests all claims. `cores` is the number of CPUs of the server.
std::vector<claim> claims_of(const std::vector<section>& sections, std::size_t cores);

} // namespace parley
