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
    const auto fail = [&](std::string_view why) {
        throw std::invalid_argument(fmt::format("no stage: {}: {}; write it like 10s@1000 or 30s@1000..50000 "
                                                "(requests a second), or 10s@50..500c (connections)",
                                                in_quotes(text), why));
    };
    const auto at = text.find('@');
    if (at == text.npos) fail("there is no @");
    stage result;
    result.duration = parse_duration(text.substr(0, at));
    if (result.duration.count() == 0) fail("it takes no time");

    auto values = text.substr(at + 1);
    if (values.ends_with('c')) {
        result.of = stage::kind::connections;
        values.remove_suffix(1);
    }
    const auto dots = values.find("..");
    const auto from = number_in(values.substr(0, dots));
    const auto to = dots == values.npos ? from : number_in(values.substr(dots + 2));
    constexpr double most = 1e9;
    if (!from || !to || *from > most || *to > most) fail("a value is a number from 0 to 1000000000");
    result.from = *from;
    result.to = *to;
    return result;
}

profile::time profile::length() const {
    time all{};
    for (const auto& each : stages_) all += each.duration;
    return all;
}

double profile::at(time since) const {
    for (const auto& each : stages_) {
        if (since < each.duration && since.count() >= 0)
            return each.from + (each.to - each.from) * (seconds{since} / seconds{each.duration});
        since -= each.duration;
    }
    return 0;
}

double profile::highest() const {
    double most = 0;
    for (const auto& each : stages_) most = std::max({most, each.from, each.to});
    return most;
}

std::optional<profile::time> profile::when_reached(double area) const {
    time begin{};
    for (const auto& each : stages_) {
        const double length = seconds{each.duration}.count();
        const double whole = (each.from + each.to) / 2 * length;
        if (area < whole) {
            // area = from * t + slope / 2 * t^2, solved so that a slope of 0 divides by nothing small.
            const double slope = (each.to - each.from) / length;
            const double root = std::sqrt(std::max(each.from * each.from + 2 * slope * area, 0.0));
            const double t = area <= 0 ? 0 : 2 * area / (each.from + root);
            return begin + std::chrono::round<time>(seconds{std::min(t, length)});
        }
        area -= whole;
        begin += each.duration;
    }
    return std::nullopt;
}

} // namespace parley
