// Joins wrapped lines, because a test must not depend on where its text wraps.
#pragma once

#include <sstream>
#include <string>

namespace parley {

/// Returns the words of `text` with one space between them.
inline std::string unwrapped(const std::string& text) {
    std::istringstream words{text};
    std::string line;
    for (std::string word; words >> word;) line += (line.empty() ? "" : " ") + word;
    return line;
}

} // namespace parley
