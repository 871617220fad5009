// Cards of the models: summary, limits and warnings. The opening comment of each model's file is their only
// source. It is embedded when this program is built.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

struct card {
    std::string model;
    std::string summary; // "a fixed number of threads, each of which ..."
    std::vector<std::pair<std::string, std::string>>
        answers; // "who runs a session": "one of --workers threads"
};

/// Parses cards from the concatenated opening comments of model files.
std::vector<card> parse_cards(std::string_view comments);

/// Returns the cards of all models of this build.
const std::vector<card>& model_cards();

} // namespace parley
