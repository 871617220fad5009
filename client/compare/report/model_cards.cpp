#include "client/compare/report/model_cards.hpp"

#include "client/compare/report/embedded.hpp"

#include <algorithm>

namespace parley {

namespace {

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(' '), text.size());
    const auto end = text.find_last_not_of(' ');
    return end == text.npos ? std::string_view{} : text.substr(begin, end + 1 - begin);
}

/// Appends `more` after a blank.
void join(std::string& text, std::string_view more) {
    if (!text.empty()) text += ' ';
    text += more;
}

} // namespace

std::vector<card> parse_cards(std::string_view comments) {
    // "//   KEY    ANSWER": the key is 22 columns wide. A line without a key continues the answer above.
    constexpr std::size_t mark = 2, indent = 3, width = 22;
    std::vector<card> cards;
    bool in_summary = false;
    while (!comments.empty()) {
        auto line = comments.substr(0, comments.find('\n'));
        comments.remove_prefix(std::min(line.size() + 1, comments.size()));
        if (!line.starts_with("//")) continue;
        line.remove_prefix(mark);
        const bool is_indented = line.starts_with(std::string(indent, ' '));
        if (trimmed(line).empty()) {
            in_summary = false;
        } else if (!is_indented && !in_summary) {
            const auto colon = std::min(line.find(": "), line.size() - 1);
            cards.push_back({std::string{trimmed(line.substr(0, colon))},
                             std::string{trimmed(line.substr(colon + 1))},
                             {}});
            in_summary = true;
        } else if (in_summary) {
            join(cards.back().summary, trimmed(line));
        } else if (!cards.empty()) {
            line.remove_prefix(indent);
            const auto key = trimmed(line.substr(0, width));
            const auto answer = trimmed(line.size() > width ? line.substr(width) : std::string_view{});
            auto& answers = cards.back().answers;
            if (!key.empty())
                answers.emplace_back(key, answer);
            else if (!answers.empty())
                join(answers.back().second, answer);
        }
    }
    return cards;
}

const std::vector<card>& model_cards() {
    static const auto cards = parse_cards(embedded::model_cards());
    return cards;
}

} // namespace parley
