// What the notes say of the models, held against this run. A claim is there only where the run has measured it.
#pragma once

#include "client/compare/summary.hpp"

#include <string>
#include <vector>

namespace parley {

struct claim {
    enum class verdict { shown, not_shown, contradicted };

    std::string text;
    verdict is = verdict::not_shown;
    std::string evidence; // with the figures
};
std::string_view name_of(claim::verdict value);

/// `cores` are those of the server.
std::vector<claim> claims_of(const std::vector<section>& all, std::size_t cores);

} // namespace parley
