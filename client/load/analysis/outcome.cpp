#include "client/load/analysis/outcome.hpp"

#include "common/human_numbers.hpp"

#include "client/load/engine/percentiles.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

int outcome::exit_status() const {
    if (!complaints.empty()) return 1;
    if (!said.valid()) return 3;
    return missed.empty() ? 0 : 4;
}

std::vector<std::string> complaints(const load_result& result, bool allow_unanswered,
                                    const std::vector<threshold>& thresholds) {
    using what = threshold::what;
    const auto has = [&](what metric) {
        return std::any_of(thresholds.begin(), thresholds.end(),
                           [&](const threshold& each) { return each.metric == metric; });
    };
    std::vector<std::string> lines;
    const auto add = [&](std::uint64_t count, std::string_view one, std::string_view many) {
        if (count > 0) lines.push_back(fmt::format("{} {}", format_count(count), count == 1 ? one : many));
    };
    const auto& stats = result.stats;
    const auto wrong = stats.errors.count(phase::verify);
    if (!has(what::errors)) {
        if (!has(what::wrong)) add(wrong, "wrong answer", "wrong answers");
        add(stats.errors.count() - wrong, "error", "errors");
    }
    if (!allow_unanswered && !has(what::unanswered))
        add(static_cast<std::uint64_t>(result.unanswered), "connection never got an answer",
            "connections never got an answer");
    if (result.end == ending::no_progress) lines.push_back("the load was given up: no more answers came");
    if (stats.answered == 0) lines.push_back("not one answer was counted");
    return lines;
}

outcome conclude(const load_options& options, const load_result& result) {
    outcome all;
    all.said = judge(options, result);
    all.complaints = complaints(result, options.allow_unanswered, options.thresholds);
    std::copy_if(options.thresholds.begin(), options.thresholds.end(), std::back_inserter(all.missed),
                 [&](const threshold& each) { return !is_met(each, result); });
    return all;
}

} // namespace parley
