// Comparison of two results, of two machines or two commits: better, worse, or not clearly different.
#pragma once

#include "client/compare/analysis/statistics.hpp"
#include "client/compare/measure/results_json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct changed {
    enum class verdict { better, worse, cannot_tell };

    std::string workload; // its id
    std::string contender;
    std::string_view metric;
    interval_estimate before, after;
    verdict is = verdict::cannot_tell;
};
std::string_view name_of(changed::verdict verdict);

struct comparison {
    std::string before, after;      // time and machine of each result
    std::vector<changed> metrics;   // measured alike in both results
    std::vector<std::string> apart; // not comparable, a line each
};

comparison compare(const results& before, const results& after);

/// Formats a table, at most 100 columns wide, and a summary. Changes come last, so that they are visible in
/// a terminal.
std::vector<std::string> table_of(const comparison& comparison);

nlohmann::ordered_json json_of(const comparison& comparison);

} // namespace parley
