// A limit such as 9.995 is the smallest value that would be rounded to one more digit in front of the decimal
// point.
#include "common/human_numbers.hpp"

#include <array>
#include <fmt/format.h>

namespace parley {

std::string format_duration(std::chrono::nanoseconds time) {
    const auto us = std::chrono::duration<double, std::micro>{time}.count();
    if (us < 999.5) return format_quantity(us, "us");
    if (us < 999.5e3) return format_quantity(us / 1e3, "ms");
    return format_quantity(us / 1e6, "s");
}

std::string format_count(std::uint64_t count) {
    auto digits = std::to_string(count);
    for (auto place = digits.size(); place > 3;) digits.insert(place -= 3, ",");
    return digits;
}

std::string format_quantity(double value, std::string_view unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
}

std::string format_scaled(double value) {
    constexpr std::array units{"", "k", "M", "G"};
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 != units.size(); ++unit) value /= 1000;
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
    return fmt::format("{:.{}f}{}", value, decimals, units[unit]);
}

std::string format_option(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? fmt::format("{}s", time.count() / 1000)
                                    : fmt::format("{}ms", time.count());
}

namespace {

/// Formats a number from 9,999.5 on.
std::string format_short(double number) {
    constexpr std::array units{'k', 'M', 'G', 'T', 'P', 'E'};
    std::size_t unit = 0;
    for (number /= 1000; number >= 999.5 && unit + 1 < units.size(); ++unit) number /= 1000;
    return fmt::format("{:.{}f}{}", number, number < 99.95 ? 1 : 0, units[unit]);
}

} // namespace

std::string format_short_count(std::uint64_t count) {
    return count < 10'000 ? fmt::format("{}", count) : format_short(static_cast<double>(count));
}

std::string format_short_rate(double per_second) {
    if (per_second == 0) return "0";
    if (per_second < 99.95) return fmt::format("{:.1f}", per_second);
    return per_second < 9'999.5 ? fmt::format("{:.0f}", per_second) : format_short(per_second);
}

std::string format_short_time(std::chrono::milliseconds time) {
    const auto seconds = time.count() / 1000;
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m{:02}", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{}h{:02}", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}", seconds / 86400, seconds / 3600 % 24);
}

} // namespace parley
