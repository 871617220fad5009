// A plan as JSON: the file for --plan, which each run also writes next to its results.
#pragma once

#include "client/compare/plan/plan.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

nlohmann::ordered_json json_of(const plan& plan);

/// Parses a plan. Missing members get the defaults of plan.hpp. Throws std::invalid_argument with one line that
/// names the wrong member.
plan plan_from(const nlohmann::ordered_json& object);

} // namespace parley
