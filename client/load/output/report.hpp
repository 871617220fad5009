// What a run says at its end: to a person as a table, to a program as JSON.
#pragma once

#include "client/load/analysis/outcome.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

/// Lines of at most 112 columns, but for the texts of errors and reasons. Rate and latency are left out where
/// they may not be believed.
std::string text_report(const load_options& options, const load_result& result, const outcome& all);

/// What was asked for, as the report has it.
nlohmann::ordered_json options_for_programs(const load_options& options);

/// The members are listed in client/README.md.
nlohmann::ordered_json json_report(const load_options& options, const load_result& result, const outcome& all);

nlohmann::ordered_json json_of(const std::vector<difference>& changes);

} // namespace parley
