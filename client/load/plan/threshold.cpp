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

using quantity = threshold::quantity;
using relation = threshold::relation;

constexpr std::array<std::pair<std::string_view, quantity>, 8> metrics{{{"mean", quantity::mean},
                                                                        {"max", quantity::max},
                                                                        {"rate", quantity::rate},
                                                                        {"errors", quantity::errors},
                                                                        {"wrong", quantity::wrong},
                                                                        {"lost", quantity::lost},
                                                                        {"unanswered", quantity::unanswered},
                                                                        {"fairness", quantity::fairness}}};
// Longer signs first, because <= begins with <.
constexpr std::array<std::pair<std::string_view, relation>, 5> relations{{{"<=", relation::at_most},
                                                                          {">=", relation::at_least},
                                                                          {"<", relation::less},
                                                                          {">", relation::more},
                                                                          {"=", relation::equal}}};

constexpr std::array<std::pair<std::string_view, double>, 4> units{
    {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}}};

/// Parses a time with its unit. Returns seconds; nullopt if it is not a time.
std::optional<double> parse_seconds(std::string_view text) {
    for (const auto& [unit, length] : units)
        if (text.ends_with(unit)) {
            const auto number = parse_number(text.substr(0, text.size() - unit.size()));
            return number ? std::optional{*number * length} : std::nullopt;
        }
    return std::nullopt;
}

bool is_time(quantity metric) {
    return metric == quantity::percentile || metric == quantity::mean || metric == quantity::max;
}

/// True if the metric is only known to be at least the measured value, because requests without a reply count
/// with the time that they waited.
bool is_lower_bound(const threshold& threshold, const load_result& result) {
    if (threshold.metric == quantity::mean) return result.stats.bounds.count() > 0;
    if (threshold.metric == quantity::max) return result.stats.rests_on_bounds(100);
    return threshold.metric == quantity::percentile && result.stats.rests_on_bounds(threshold.percent);
}

} // namespace

threshold parse_threshold(std::string_view text) {
    const auto fail = [&](std::string_view reason) {
        throw std::invalid_argument(
            fmt::format("not a threshold: {}: {}; write it like p99<10ms, mean<=500us, errors=0 or "
                        "rate>5000 (p50 ... p99.99, mean, max, rate, errors, wrong, lost, "
                        "unanswered, fairness)",
                        in_quotes(text), reason));
    };
    threshold result{.text = std::string{text}};
    const auto sign_position = text.find_first_of("<>=");
    if (sign_position == text.npos) fail("there is no <, > or =");
    const auto name = text.substr(0, sign_position);
    auto value = text.substr(sign_position);
    for (const auto& [sign, meaning] : relations)
        if (value.starts_with(sign)) {
            result.comparison = meaning;
            value.remove_prefix(sign.size());
            break;
        }

    bool is_known = false;
    for (const auto& [metric, meaning] : metrics)
        if (name == metric) result.metric = meaning, is_known = true;
    if (!is_known) {
        const auto percent = name.starts_with('p') ? parse_number(name.substr(1)) : std::nullopt;
        if (!percent || *percent <= 0 || *percent >= 100) fail("its metric is unknown");
        result.metric = quantity::percentile;
        result.percent = *percent;
    }
    const auto number = is_time(result.metric) ? parse_seconds(value) : parse_number(value);
    if (!number)
        fail(is_time(result.metric) ? "its value must be a time with a unit: ns, us, ms or s"
                                    : "its value must be a number");
    result.limit = *number;
    return result;
}

double measured(const threshold& threshold, const load_result& result) {
    const auto& stats = result.stats;
    switch (threshold.metric) {
    case quantity::percentile: return in_seconds(stats.latency.value_at_percentile(threshold.percent));
    case quantity::mean: return in_seconds(stats.latency.mean());
    case quantity::max: return in_seconds(stats.latency.max());
    case quantity::rate: return result.rate();
    case quantity::errors: return static_cast<double>(stats.errors.count());
    case quantity::wrong: return static_cast<double>(stats.errors.count(phase::verify));
    case quantity::lost: return static_cast<double>(stats.totals().lost);
    case quantity::unanswered: return result.unanswered;
    case quantity::fairness: return fairness_of(result.shares);
    }
    return 0;
}

bool is_met(const threshold& threshold, const load_result& result) {
    double value = measured(threshold, result);
    // A request without a reply may have taken longer than it was seen to wait. An upper limit is met only if
    // it would be met even then.
    if (threshold.comparison != relation::more && threshold.comparison != relation::at_least) {
        const bool is_percentile = threshold.metric == quantity::percentile;
        const auto upper_bound =
            is_percentile ? result.stats.most_at_percentile(threshold.percent) : std::nullopt;
        if (is_percentile ? !upper_bound : is_lower_bound(threshold, result)) return false;
        if (upper_bound) value = in_seconds(*upper_bound);
    }
    switch (threshold.comparison) {
    case relation::less: return value < threshold.limit;
    case relation::at_most: return value <= threshold.limit;
    case relation::more: return value > threshold.limit;
    case relation::at_least: return value >= threshold.limit;
    case relation::equal: return value == threshold.limit;
    }
    return false;
}

std::string measured_text(const threshold& threshold, const load_result& result) {
    const double value = measured(threshold, result);
    if (is_time(threshold.metric))
        return (is_lower_bound(threshold, result) ? ">= " : "") +
               format_duration(std::chrono::nanoseconds{std::llround(value * 1e9)});
    if (threshold.metric == quantity::fairness) return fmt::format("{:.3f}", value);
    return format_count(static_cast<std::uint64_t>(std::llround(value)));
}

} // namespace parley
