#include "client/load/analysis/trial.hpp"

#include "client/load/engine/percentiles.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace parley {

namespace {

bool is_own_limit(const reason& why) {
    constexpr std::array<std::string_view, 6> codes{"generator-bound", "generator-starved",     "late-sends",
                                                    "ports-exhausted", "descriptors-exhausted", "agent-lost"};
    return std::ranges::find(codes, why.code) != codes.end();
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
    const auto all = conclude(options, result);
    const auto& reasons = all.said.reasons;
    if (const auto own = std::ranges::find_if(reasons, is_own_limit); own != reasons.end())
        return {trial_outcome::unknown, "parley-load is the limit: " + own->code};
    if (result.stats.has_schedule && result.due == 0)
        return {trial_outcome::unknown, "no request was due in this time"};
    if (!all.complaints.empty()) return {trial_outcome::missed, all.complaints.front()};
    if (!all.missed.empty()) return {trial_outcome::missed, all.missed.front().text + " was missed"};

    const auto has = [&](std::string_view code) {
        return std::ranges::find(reasons, code, &reason::code) != reasons.end();
    };
    if (has("rate-not-reached")) return {trial_outcome::missed, "rate-not-reached"};
    // Of too few answers no percentile can be told; that the longest or the mean was too long is sure.
    const bool can_tell = !has("too-short") || target.metric != threshold::what::percentile;
    if (can_tell && !is_met(target, result)) return {trial_outcome::missed, measured_text(target, result)};
    if (!all.said.valid()) return {trial_outcome::unknown, reasons.front().code};
    return {trial_outcome::met, measured_text(target, result)};
}

std::chrono::milliseconds trial_length(const threshold& target, double rate, std::chrono::milliseconds shortest,
                                       std::optional<std::chrono::milliseconds> warm_up) {
    if (target.metric != threshold::what::percentile || target.percent >= 100) return shortest;
    constexpr double spare = 1.2; // arrivals at random come a little slower now and then
    const std::chrono::duration<double> counted{spare * static_cast<double>(answers_needed(target.percent)) /
                                                rate};
    // Without a --warm-up it is a tenth of the whole, at most a second.
    const auto warming = std::min<std::chrono::duration<double>>(counted / 9, std::chrono::seconds{1});
    return std::max(shortest,
                    std::chrono::ceil<std::chrono::milliseconds>(counted + (warm_up ? *warm_up : warming)));
}

} // namespace parley
