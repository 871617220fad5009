// Which model for which service: the recommendations on the first screen, in words, computed from the run.
#pragma once

#include "client/compare/analysis/ranking.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct answer {
    std::string workload;            // its id
    std::string question;            // "Requests that compute"
    std::string_view metric;         // key of the metric that decides
    std::vector<std::string> best;   // the best mean, and the models confirmed to be as good
    std::string headline;            // "loops and pool", or "not fork"
    std::string margin;              // a sentence: the difference and its interval
    std::vector<std::string> reason; // sentences: the estimate, the tie break, the models left out
};

/// Returns an answer for each question that the run measured, in the order of the report. Servers that did not
/// serve all connections are left out.
std::vector<answer> answers_of(const std::vector<section>& sections);

} // namespace parley
