// What a run says at its end: to a person as a table, to a program as JSON.
#pragma once

#include "client/load/verdict.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

/// Why the run has failed, a clear line each; none: it has not.
std::vector<std::string> complaints(const load_result& result, bool allow_unanswered);

/// Lines of at most 112 columns, but for the texts of errors. Rate and latency are left
/// out where they may not be believed.
std::string report_for_people(const load_options& options, const load_result& result, const verdict& said);

/// The members are listed in client/README.md.
nlohmann::ordered_json report_for_programs(const load_options& options, const load_result& result,
                                           const verdict& said, bool allow_unanswered);

} // namespace parley
