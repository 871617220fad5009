// What the notes say of the models, held against this run. A claim is there only where the run has measured it.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <vector>

namespace parley {

struct claim {
    /// Whether the interval lies on the right side of the amount that the claim states, on the wrong one, or on
    /// both.
    enum class verdict { confirmed, refuted, undecided };

    std::string text; // states how much, before it is measured
    verdict is = verdict::undecided;
    std::string evidence; // with the figures
};
std::string_view name_of(claim::verdict value);

/// `cores` are those of the server.
std::vector<claim> claims_of(const std::vector<section>& all, std::size_t cores);

} // namespace parley
