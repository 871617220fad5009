// Parses durations. The number is compared with the limit before it is multiplied, so that no input overflows.
#include "common/duration.hpp"

#include <charconv>
#include <stdexcept>
#include <string>

namespace parley {

namespace {

[[noreturn]] void reject_duration(std::string_view text, std::string_view reason) {
    throw std::invalid_argument("bad duration '" + std::string{text} + "': " + std::string{reason});
}

std::chrono::milliseconds parse_unit(std::string_view name, std::string_view text) {
    using namespace std::chrono_literals;
    if (name == "ms") return 1ms;
    if (name == "s") return 1s;
    if (name == "m") return 1min;
    if (name == "h") return 1h;
    reject_duration(text, "write a whole number and its unit, as in 500ms, 10s, 1m or 2h");
}

} // namespace

std::chrono::milliseconds parse_duration(std::string_view text) {
    constexpr std::chrono::milliseconds longest = std::chrono::days{1};
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc::result_out_of_range) reject_duration(text, "a day is the longest");
    const auto unit = parse_unit({stop, end}, text);
    if (error != std::errc{}) reject_duration(text, "the number is missing");
    if (number > static_cast<std::uint64_t>(longest / unit)) reject_duration(text, "a day is the longest");
    return static_cast<std::int64_t>(number) * unit;
}

} // namespace parley
