// The request of the services pi and wait: a number.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace parley {

/// Returns the decimal number that a request consists of, such as "100"; the name of the service may precede
/// it, as in "pi 100". Returns nullopt for any other text, or if the number is not from `min` to `max`.
inline std::optional<int> number_in(std::string_view request, std::string_view name, int min, int max) {
    if (request.starts_with(name)) request.remove_prefix(name.size());
    while (request.starts_with(' ')) request.remove_prefix(1);
    int number = 0;
    const auto* end = request.data() + request.size();
    const auto [stop, error] = std::from_chars(request.data(), end, number);
    if (error != std::errc{} || stop != end || number < min || number > max) return std::nullopt;
    return number;
}

} // namespace parley
