#include "client/load/plan/load_profile.hpp"

#include "client/conversation/expected_response.hpp"
#include "client/load/plan/parse_number.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

using seconds = std::chrono::duration<double>;

} // namespace

stage parse_stage(std::string_view text) {
    const auto fail = [&](std::string_view reason) {
        throw std::invalid_argument(
            fmt::format("not a stage: {}: {}; write it like 10s@1000 or 30s@1000..50000 "
                        "(requests per second), or 10s@50..500c (connections)",
                        in_quotes(text), reason));
    };
    const auto at = text.find('@');
    if (at == text.npos) fail("there is no @");
    stage result;
    result.duration = parse_duration(text.substr(0, at));
    if (result.duration.count() == 0) fail("its duration is 0");

    auto values = text.substr(at + 1);
    if (values.ends_with('c')) {
        result.of = stage::kind::connections;
        values.remove_suffix(1);
    }
    const auto dots = values.find("..");
    const auto from = parse_number(values.substr(0, dots));
    const auto to = dots == values.npos ? from : parse_number(values.substr(dots + 2));
    constexpr double most = 1e9;
    if (!from || !to || *from > most || *to > most) fail("a value is a number from 0 to 1000000000");
    result.from = *from;
    result.to = *to;
    return result;
}

profile::time profile::length() const {
    time sum{};
    for (const auto& stage : stages_) sum += stage.duration;
    return sum;
}

double profile::at(time since_start) const {
    for (const auto& stage : stages_) {
        if (since_start < stage.duration && since_start.count() >= 0)
            return stage.from + (stage.to - stage.from) * (seconds{since_start} / seconds{stage.duration});
        since_start -= stage.duration;
    }
    return 0;
}

double profile::highest() const {
    double highest = 0;
    for (const auto& stage : stages_) highest = std::max({highest, stage.from, stage.to});
    return highest;
}

std::optional<profile::time> profile::when_reached(double area) const {
    time begin{};
    for (const auto& stage : stages_) {
        const double length = seconds{stage.duration}.count();
        const double whole = (stage.from + stage.to) / 2 * length;
        if (area < whole) {
            // Solves area = from * t + slope / 2 * t^2 for t. This form of the quadratic formula has no
            // division by the slope, which may be 0.
            const double slope = (stage.to - stage.from) / length;
            const double root = std::sqrt(std::max(stage.from * stage.from + 2 * slope * area, 0.0));
            const double t = area <= 0 ? 0 : 2 * area / (stage.from + root);
            return begin + std::chrono::round<time>(seconds{std::min(t, length)});
        }
        area -= whole;
        begin += stage.duration;
    }
    return std::nullopt;
}

} // namespace parley
