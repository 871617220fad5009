// What a run says at its end: to a person as a table, to a program as JSON.
#pragma once

#include "client/load/engine.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace parley {

/// A percentile, or nothing where fewer than ten times lie beyond it: that would be chance.
std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent);

/// Why the run has failed, a clear line each; none: it has not.
std::vector<std::string> complaints(const load_result& result, bool allow_unanswered);

/// Lines of at most 112 columns, but for the texts of errors.
std::string report_for_people(const load_options& options, const load_result& result);

/// The members are listed in client/README.md.
nlohmann::ordered_json report_for_programs(const load_options& options, const load_result& result,
                                           bool allow_unanswered);

/// As people read a time: three digits and a unit, such as "412 us", "1.03 s".
std::string in_words(std::chrono::nanoseconds time);

/// As people read a count: "1,371,105".
std::string in_words(std::uint64_t count);

} // namespace parley
