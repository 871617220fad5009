// Tests that the card of each model, the comment at the top of its file, agrees with the table in model.cpp.
// parley-compare prints the card, parley-server the table: both must give the same advice.
#include "server/model.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace parley {

namespace {

/// Returns the lines of the comment at the top of a file in server/models/, without their slashes.
std::vector<std::string> card_in(std::string_view file) {
    std::ifstream source{std::filesystem::path{PARLEY_SOURCE "/server/models"} / file};
    std::vector<std::string> lines;
    for (std::string line; std::getline(source, line) && line.starts_with("//");)
        lines.push_back(line.substr(2));
    return lines;
}

/// Returns the text of a row. Its key is indented by 3 columns and its text by 25; a line without a key
/// continues the text.
std::string row_of(const std::vector<std::string>& card, const std::string& key) {
    constexpr std::size_t indent = 3, text_column = 25;
    std::string text;
    bool is_inside = false;
    for (const auto& line : card) {
        if (line.size() <= text_column) continue;
        const bool has_key = line[indent] != ' ';
        is_inside = has_key ? line.find(key) == indent : is_inside;
        if (is_inside) text += (text.empty() ? "" : " ") + line.substr(text_column);
    }
    return text;
}

} // namespace

TEST_CASE("the card of each model and the table name the same reasons not to use it") {
    for (const auto& model : models()) {
        CAPTURE(model.file);
        CHECK_FALSE(model.when_not_to_use.empty());
        CHECK(row_of(card_in(model.file), "when not to use it") == model.when_not_to_use);
    }
}

TEST_CASE("the card of each model begins with the name of the model, and has the five parts") {
    for (const auto& model : models()) {
        CAPTURE(model.file);
        const auto card = card_in(model.file);
        REQUIRE_FALSE(card.empty());
        CHECK(card.front().starts_with(" " + std::string{model.name} + ": "));
        for (const auto* key : {"who runs a session", "sessions share", "what bounds it", "seen in"})
            CHECK_MESSAGE(row_of(card, key) != "", "there is no line '", key, "'");
    }
}

TEST_CASE("each file in server/models is in the table") {
    for (const auto& entry : std::filesystem::directory_iterator{PARLEY_SOURCE "/server/models"}) {
        const auto file = entry.path().filename().string();
        CAPTURE(file);
        CHECK(std::ranges::count(models(), file, &model::file) == 1);
    }
}

} // namespace parley
