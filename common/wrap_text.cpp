#include "common/wrap_text.hpp"

#include "common/terminal_width.hpp"

#include <algorithm>

namespace parley {

std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent, std::size_t start) {
    std::string lines;
    std::size_t column = start;
    for (bool is_line_start = true; !text.empty();) {
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        const auto word = text.substr(0, end);
        const auto word_width = width_of(word);
        if (!is_line_start && column + 1 + word_width > width) {
            lines.append("\n").append(indent, ' ');
            column = indent;
            is_line_start = true;
        }
        if (!is_line_start) {
            lines += ' ';
            ++column;
        }
        lines += word;
        column += word_width;
        is_line_start = false;
        const bool is_line_end = end < text.size() && text[end] == '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
        if (is_line_end) {
            lines.append("\n").append(text.empty() ? 0 : indent, ' ');
            column = indent;
            is_line_start = true;
        }
    }
    return lines;
}

} // namespace parley
