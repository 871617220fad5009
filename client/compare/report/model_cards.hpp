// What the models' files say of themselves in the card that each opens with: it is written there and nowhere
// else, and taken from there when this program is built.
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

/// Reads cards out of the heads of model files, one behind the other: comment lines only.
std::vector<card> parse_cards(std::string_view comments);

/// Of all models that this was built with.
const std::vector<card>& model_cards();

} // namespace parley
