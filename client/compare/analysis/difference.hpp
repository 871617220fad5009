// Two results, of two machines or two commits: what is better, what is worse, and what cannot be told.
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
std::string_view name_of(changed::verdict value);

struct comparison {
    std::string before, after;      // when they were measured, and where
    std::vector<changed> metrics;   // of what both have measured alike
    std::vector<std::string> apart; // what they have not, a line each
};

comparison compare(const results& before, const results& after);

/// A table, at most 100 columns wide, and what to think of it. What has changed comes last, where a terminal
/// shows it.
std::vector<std::string> table_of(const comparison& both);

nlohmann::ordered_json json_of(const comparison& both);

} // namespace parley
