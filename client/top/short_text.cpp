#include "client/top/short_text.hpp"

#include <array>
#include <fmt/format.h>

namespace parley {

namespace {

/// From 9,999.5 on.
std::string with_unit(double number) {
    constexpr std::array units{'k', 'M', 'G', 'T', 'P', 'E'};
    std::size_t unit = 0;
    for (number /= 1000; number >= 999.5 && unit + 1 < units.size(); ++unit) number /= 1000;
    return fmt::format("{:.{}f}{}", number, number < 99.95 ? 1 : 0, units[unit]);
}

} // namespace

std::string short_count(std::uint64_t count) {
    return count < 10'000 ? fmt::format("{}", count) : with_unit(static_cast<double>(count));
}

std::string short_rate(double per_second) {
    if (per_second == 0) return "0";
    if (per_second < 99.95) return fmt::format("{:.1f}", per_second);
    return per_second < 9'999.5 ? fmt::format("{:.0f}", per_second) : with_unit(per_second);
}

std::string short_time(std::chrono::milliseconds time) {
    const auto seconds = time.count() / 1000;
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m{:02}", seconds / 60, seconds % 60);
    if (seconds < 86400) return fmt::format("{}h{:02}", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}", seconds / 86400, seconds / 3600 % 24);
}

} // namespace parley
