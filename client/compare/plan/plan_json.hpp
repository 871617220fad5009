// A plan as JSON: the file that a user writes (--plan), and what a run leaves beside its results.
#pragma once

#include "client/compare/plan/plan.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

nlohmann::ordered_json json_of(const plan& all);

/// Fields that are not there have the defaults of plan.hpp. Throws std::invalid_argument with one line that
/// names the field for anything that is no plan.
plan plan_from(const nlohmann::ordered_json& text);

} // namespace parley
