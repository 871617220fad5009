// Line breaks in text for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

/// Returns `text` with line breaks instead of spaces, so that no line is wider than `width` columns unless a
/// word is. Each line after the first starts with `indent` spaces, which count. Line breaks of `text` are kept.
/// The first line starts at the column `start`.
std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent, std::size_t start);

inline std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent = 0) {
    return wrap_text(text, width, indent, indent);
}

} // namespace parley
