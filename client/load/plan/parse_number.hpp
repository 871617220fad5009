// Numbers of the command line.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace parley {

/// A finite number from 0 on; nothing: the text is none, or is more than that.
inline std::optional<double> number_in(std::string_view text) {
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(number) || number < 0)
        return std::nullopt;
    return number;
}

} // namespace parley
