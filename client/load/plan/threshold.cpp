#include "client/load/plan/threshold.hpp"

#include "client/conversation/expected_response.hpp"
#include "client/conversation/fairness.hpp"
#include "client/load/engine/percentiles.hpp"
#include "client/load/plan/parse_number.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <stdexcept>
#include <utility>

namespace parley {

namespace {

using what = threshold::what;
using relation = threshold::relation;

constexpr std::array<std::pair<std::string_view, what>, 8> metrics{{{"mean", what::mean},
                                                                    {"max", what::max},
                                                                    {"rate", what::rate},
                                                                    {"errors", what::errors},
                                                                    {"wrong", what::wrong},
                                                                    {"lost", what::lost},
                                                                    {"unanswered", what::unanswered},
                                                                    {"fairness", what::fairness}}};
// The longer ones first: <= begins with <.
constexpr std::array<std::pair<std::string_view, relation>, 5> relations{{{"<=", relation::at_most},
                                                                          {">=", relation::at_least},
                                                                          {"<", relation::less},
                                                                          {">", relation::more},
                                                                          {"=", relation::equal}}};

constexpr std::array<std::pair<std::string_view, double>, 4> units{
    {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}}};

/// In seconds.
std::optional<double> time_in(std::string_view text) {
    for (const auto& [unit, length] : units)
        if (text.ends_with(unit)) {
            const auto number = number_in(text.substr(0, text.size() - unit.size()));
            return number ? std::optional{*number * length} : std::nullopt;
        }
    return std::nullopt;
}

bool is_time(what metric) { return metric == what::percentile || metric == what::mean || metric == what::max; }

} // namespace

threshold parse_threshold(std::string_view text) {
    const auto fail = [&](std::string_view why) {
        throw std::invalid_argument(
            fmt::format("no threshold: {}: {}; write it like p99<10ms, mean<=500us, errors=0 or "
                        "rate>5000 (p50 ... p99.99, mean, max, rate, errors, wrong, lost, "
                        "unanswered, fairness)",
                        in_quotes(text), why));
    };
    threshold result{.text = std::string{text}};
    const auto place = text.find_first_of("<>=");
    if (place == text.npos) fail("there is no <, > or =");
    const auto name = text.substr(0, place);
    auto value = text.substr(place);
    for (const auto& [sign, meaning] : relations)
        if (value.starts_with(sign)) {
            result.must_be = meaning;
            value.remove_prefix(sign.size());
            break;
        }

    bool known = false;
    for (const auto& [metric, meaning] : metrics)
        if (name == metric) result.metric = meaning, known = true;
    if (!known) {
        const auto percent = name.starts_with('p') ? number_in(name.substr(1)) : std::nullopt;
        if (!percent || *percent <= 0 || *percent >= 100) fail("its first word is unknown");
        result.metric = what::percentile;
        result.percent = *percent;
    }
    const auto number = is_time(result.metric) ? time_in(value) : number_in(value);
    if (!number)
        fail(is_time(result.metric) ? "its value is a time with a unit: ns, us, ms or s"
                                    : "its value is a number");
    result.value = *number;
    return result;
}

double measured(const threshold& one, const load_result& result) {
    const auto& stats = result.stats;
    switch (one.metric) {
    case what::percentile: return in_seconds(stats.latency.value_at_percentile(one.percent));
    case what::mean: return in_seconds(stats.latency.mean());
    case what::max: return in_seconds(stats.latency.max());
    case what::rate: return result.rate();
    case what::errors: return static_cast<double>(stats.errors.count());
    case what::wrong: return static_cast<double>(stats.errors.count(phase::verify));
    case what::lost: return static_cast<double>(stats.totals().lost);
    case what::unanswered: return result.unanswered;
    case what::fairness: return fairness_of(result.shares);
    }
    return 0;
}

bool is_lower_bound(const threshold& one, const load_result& result) {
    if (one.metric == what::mean) return result.stats.bounds.count() > 0;
    if (one.metric == what::max) return result.stats.rests_on_bounds(100);
    return one.metric == what::percentile && result.stats.rests_on_bounds(one.percent);
}

bool is_met(const threshold& one, const load_result& result) {
    double is = measured(one, result);
    // What was never answered may have taken longer than was seen: an upper limit is met only if that is no
    // matter.
    if (one.must_be != relation::more && one.must_be != relation::at_least) {
        const bool is_percentile = one.metric == what::percentile;
        const auto most = is_percentile ? result.stats.most_at_percentile(one.percent) : std::nullopt;
        if (is_percentile ? !most : is_lower_bound(one, result)) return false;
        if (most) is = in_seconds(*most);
    }
    switch (one.must_be) {
    case relation::less: return is < one.value;
    case relation::at_most: return is <= one.value;
    case relation::more: return is > one.value;
    case relation::at_least: return is >= one.value;
    case relation::equal: return is == one.value;
    }
    return false;
}

std::string measured_text(const threshold& one, const load_result& result) {
    const double is = measured(one, result);
    if (is_time(one.metric))
        return (is_lower_bound(one, result) ? ">= " : "") +
               format_duration(std::chrono::nanoseconds{std::llround(is * 1e9)});
    if (one.metric == what::fairness) return fmt::format("{:.3f}", is);
    return format_count(static_cast<std::uint64_t>(std::llround(is)));
}

} // namespace parley
