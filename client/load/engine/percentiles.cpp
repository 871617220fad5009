#include "client/load/engine/percentiles.hpp"

#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {
constexpr std::uint64_t enough = 10;
}

std::optional<std::chrono::nanoseconds> settled_percentile(const histogram& times, double percent) {
    if (times.count_beyond(percent) < enough) return std::nullopt;
    return times.value_at_percentile(percent);
}

std::uint64_t answers_needed(double percent) {
    // 99.9 in binary is not quite 99.9, and must not cost one answer more.
    return static_cast<std::uint64_t>(std::ceil(enough / (1 - percent / 100) * (1 - 1e-9)));
}

std::string three_digits(double value, std::string_view unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
}

std::string to_string(std::chrono::nanoseconds time) {
    const auto us = std::chrono::duration<double, std::micro>{time}.count();
    if (us < 999.5) return three_digits(us, "us");
    if (us < 999.5e3) return three_digits(us / 1e3, "ms");
    return three_digits(us / 1e6, "s");
}

std::string to_string(std::uint64_t count) {
    auto digits = std::to_string(count);
    for (auto place = digits.size(); place > 3;) digits.insert(place -= 3, ",");
    return digits;
}

} // namespace parley
