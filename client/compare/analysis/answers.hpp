// Which model for which service: the answers on the first screen, in words, computed from the run.
#pragma once

#include "client/compare/analysis/ranking.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct answer {
    std::string workload;            // its id
    std::string question;            // "Work for the processor"
    std::string_view metric;         // what decides
    std::vector<std::string> best;   // has the best mean, and those that are shown to be as good
    std::string headline;            // "loops and pool", or "not fork"
    std::string margin;              // a sentence: by how much, and how sure
    std::vector<std::string> reason; // sentences: how much, what else tells the best apart, who is out
};

/// For the questions that the run has measured, in the order of a report. Servers that did not serve every
/// connection take no part.
std::vector<answer> answers_of(const std::vector<section>& all);

} // namespace parley
