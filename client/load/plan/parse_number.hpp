// Numbers in option values.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace parley {

/// Returns the number that `text` consists of; nullopt if it is not a finite number of 0 or more.
inline std::optional<double> parse_number(std::string_view text) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(number) || number < 0)
        return std::nullopt;
    return number;
}

} // namespace parley
