// Numbers of the command line.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace parley {

/// A number from 0 to a billion, and nothing else; nothing: it is none.
inline std::optional<double> number_in(std::string_view text) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || !(number >= 0 && number <= 1e9))
        return std::nullopt;
    return number;
}

} // namespace parley
