// Report of a run: a table as text, and JSON (docs/file-formats.md).
#pragma once

#include "client/load/analysis/outcome.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

/// Returns the report as text. Lines have at most 112 columns, except the texts of errors and reasons. Rate
/// and latency are withheld if they are not valid.
std::string text_report(const load_options& options, const load_result& result, const outcome& outcome);

/// Returns the options as the report has them.
nlohmann::ordered_json options_as_json(const load_options& options);

/// Returns the report as JSON. docs/schemas/parley-load.schema.json describes its members.
nlohmann::ordered_json json_report(const load_options& options, const load_result& result,
                                   const outcome& outcome);

/// Returns the member `baseline` of a report.
nlohmann::ordered_json json_of(const std::vector<difference>& changes);

} // namespace parley
