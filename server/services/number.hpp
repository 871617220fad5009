// Services whose request is a number.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace parley {

/// The decimal number from `least` to `most` that a request consists of, such as "100"; the service's own
/// name may stand before it, as in "pi 100". Nothing for any other text.
inline std::optional<int> number_in(std::string_view request, std::string_view name, int least, int most) {
    if (request.starts_with(name)) request.remove_prefix(name.size());
    while (request.starts_with(' ')) request.remove_prefix(1);
    int number = 0;
    const auto* end = request.data() + request.size();
    const auto [stop, error] = std::from_chars(request.data(), end, number);
    if (error != std::errc{} || stop != end || number < least || number > most) return std::nullopt;
    return number;
}

} // namespace parley
