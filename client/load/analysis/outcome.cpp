#include "client/load/analysis/outcome.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

int outcome::exit_status() const {
    if (!complaints.empty()) return 1;
    if (!verdict.valid()) return 3;
    return missed.empty() ? 0 : 4;
}

std::vector<std::string> complaints(const load_result& result, bool allow_unanswered,
                                    const std::vector<threshold>& thresholds) {
    using quantity = threshold::quantity;
    const auto has = [&](quantity metric) {
        return std::any_of(thresholds.begin(), thresholds.end(),
                           [&](const threshold& threshold) { return threshold.metric == metric; });
    };
    std::vector<std::string> lines;
    const auto add = [&](std::uint64_t count, std::string_view singular, std::string_view plural) {
        if (count > 0)
            lines.push_back(fmt::format("{} {}", format_count(count), count == 1 ? singular : plural));
    };
    const auto& stats = result.stats;
    const auto wrong = stats.errors.count(phase::verify);
    if (!has(quantity::errors)) {
        if (!has(quantity::wrong)) add(wrong, "wrong reply", "wrong replies");
        add(stats.errors.count() - wrong, "error", "errors");
    }
    if (!allow_unanswered && !has(quantity::unanswered))
        add(static_cast<std::uint64_t>(result.unanswered), "connection never got a reply",
            "connections never got a reply");
    if (result.end == ending::no_progress)
        lines.push_back("the load was aborted: no reply arrived for twice the timeout");
    if (stats.answered == 0) lines.push_back("no reply was counted");
    return lines;
}

outcome conclude(const load_options& options, const load_result& result) {
    outcome outcome;
    outcome.verdict = judge(options, result);
    outcome.complaints = complaints(result, options.allow_unanswered, options.thresholds);
    std::copy_if(options.thresholds.begin(), options.thresholds.end(), std::back_inserter(outcome.missed),
                 [&](const threshold& threshold) { return !is_met(threshold, result); });
    return outcome;
}

} // namespace parley
