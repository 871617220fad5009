#include "common/process/procfs.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace parley {

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf(); // unlike an iterator, does not throw if read(2) fails
    return std::move(text).str();
}

std::string_view field_of(std::string_view text, std::string_view key) {
    constexpr std::string_view blanks = " \t";
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (!line.starts_with(key)) continue;
        const auto colon = line.find_first_not_of(blanks, key.size());
        if (colon == line.npos || line[colon] != ':') continue; // a longer key with the same beginning
        const auto value = line.find_first_not_of(blanks, colon + 1);
        return value == line.npos ? std::string_view{} : line.substr(value);
    }
    return {};
}

} // namespace parley
