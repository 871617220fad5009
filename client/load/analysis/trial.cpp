#include "client/load/analysis/trial.hpp"

#include "client/load/engine/percentiles.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace parley {

namespace {

/// True if the reason lies in parley-load or its machine, not in the server.
bool is_own_limit(const reason& reason) {
    constexpr std::array<std::string_view, 6> codes{"generator-bound", "generator-starved",     "late-sends",
                                                    "ports-exhausted", "descriptors-exhausted", "agent-lost"};
    return std::ranges::find(codes, reason.code) != codes.end();
}

} // namespace

std::string_view to_string(trial_outcome outcome) {
    switch (outcome) {
    case trial_outcome::met: return "met";
    case trial_outcome::missed: return "missed";
    case trial_outcome::unknown: break;
    }
    return "unknown";
}

trial judge_trial(const load_options& options, const threshold& target, const load_result& result) {
    const auto outcome = conclude(options, result);
    const auto& reasons = outcome.verdict.reasons;
    if (const auto limit = std::ranges::find_if(reasons, is_own_limit); limit != reasons.end())
        return {trial_outcome::unknown, "parley-load is the limit: " + limit->code};
    if (result.stats.has_schedule && result.due == 0)
        return {trial_outcome::unknown, "no request was due in this time"};
    if (!outcome.complaints.empty()) return {trial_outcome::missed, outcome.complaints.front()};
    if (!outcome.missed.empty()) return {trial_outcome::missed, outcome.missed.front().text + " was missed"};

    const auto has = [&](std::string_view code) {
        return std::ranges::find(reasons, code, &reason::code) != reasons.end();
    };
    if (has("rate-not-reached")) return {trial_outcome::missed, "rate-not-reached"};
    // A percentile of too few replies is not known. A mean or maximum that is too long is a fact.
    const bool is_known = !has("too-short") || target.metric != threshold::quantity::percentile;
    if (is_known && !is_met(target, result)) return {trial_outcome::missed, measured_text(target, result)};
    if (!outcome.verdict.valid()) return {trial_outcome::unknown, reasons.front().code};
    return {trial_outcome::met, measured_text(target, result)};
}

std::chrono::milliseconds trial_length(const threshold& target, double rate, std::chrono::milliseconds shortest,
                                       std::optional<std::chrono::milliseconds> warm_up) {
    if (target.metric != threshold::quantity::percentile || target.percent >= 100) return shortest;
    constexpr double margin = 1.2; // random arrivals may be fewer than the rate says
    const std::chrono::duration<double> counted{margin * static_cast<double>(replies_needed(target.percent)) /
                                                rate};
    // The default warm-up is a tenth of the whole, at most a second (warm_up_of()).
    const auto default_warm_up = std::min<std::chrono::duration<double>>(counted / 9, std::chrono::seconds{1});
    return std::max(shortest, std::chrono::ceil<std::chrono::milliseconds>(
                                  counted + (warm_up ? *warm_up : default_warm_up)));
}

} // namespace parley
