#include "client/compare/analysis/difference.hpp"

#include "client/compare/analysis/summary.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

namespace parley {

namespace {

using judgement = changed::verdict;

constexpr std::array<std::string_view, 4> compared{"rate", "p99_ms", "cpu_us", "pss_mib"};

judgement judge(const interval_estimate& before, const interval_estimate& after, const metric& metric) {
    const auto times = ratio_between_runs(after, before);
    if (times.low <= 1 && times.high >= 1) return judgement::cannot_tell;
    return (times.low > 1) == metric.is_higher_better() ? judgement::better : judgement::worse;
}

/// True if both workloads ask the same. Duration and number of rounds may differ.
bool is_same_load(const workload& left, const workload& right) {
    return left.service == right.service && left.connections == right.connections && left.size == right.size &&
           left.lines == right.lines && left.per_connection == right.per_connection &&
           left.digits == right.digits && left.wait == right.wait &&
           left.background_clients == right.background_clients &&
           left.disturbing_digits == right.disturbing_digits && left.server_options == right.server_options;
}

constexpr auto line_form = "{:<28.28}{:<23.23}{:>8}{:>8}  {:<20.20}{}";

std::string line_of(const changed& change) {
    std::string ratio = "-";
    if (change.before.mean > 0) {
        const auto times = ratio_between_runs(change.after, change.before);
        ratio = fmt::format("x{} {}..{}", format_scaled(times.mean), format_scaled(times.low),
                            format_scaled(times.high));
    }
    return fmt::format(line_form, change.workload + ", " + change.contender, metric_named(change.metric).title,
                       format_scaled(change.before.mean), format_scaled(change.after.mean), ratio,
                       name_of(change.is));
}

std::string origin_of(const results& results) {
    return fmt::format("{} on {}, {} plan", results.begun, results.where.to_string(), results.planned.name);
}

} // namespace

std::string_view name_of(changed::verdict verdict) {
    switch (verdict) {
    case judgement::better: return "better";
    case judgement::worse: return "worse";
    case judgement::cannot_tell: return "cannot tell";
    }
    return "?";
}

comparison compare(const results& before, const results& after) {
    comparison result{origin_of(before), origin_of(after), {}, {}};
    const auto earlier = summarize(before.planned, before.done, "");
    const auto later = summarize(after.planned, after.done, "");
    for (const auto& section : earlier) {
        const auto* same = section_of(later, section.load.id);
        if (!same || !is_same_load(section.load, same->load)) {
            result.apart.push_back(
                fmt::format("{} ({})", section.load.id, same ? "other workload in B" : "only in A"));
            continue;
        }
        for (std::size_t i = 0; i != section.ranked; ++i) {
            const auto& row = section.rows[i];
            const auto* same_row = same->ranked_row(row.name);
            if (!same_row) {
                result.apart.push_back(fmt::format("{}, {} (only in A)", section.load.id, row.name));
                continue;
            }
            for (const auto key : compared) {
                const auto *old_value = row.find(key), *new_value = same_row->find(key);
                if (old_value && new_value)
                    result.metrics.push_back({section.load.id, row.name, key, *old_value, *new_value,
                                              judge(*old_value, *new_value, metric_named(key))});
            }
        }
    }
    for (const auto& section : later) {
        const auto* same = section_of(earlier, section.load.id);
        if (!same) result.apart.push_back(fmt::format("{} (only in B)", section.load.id));
        if (!same || !is_same_load(section.load, same->load)) continue;
        for (std::size_t i = 0; i != section.ranked; ++i)
            if (!same->ranked_row(section.rows[i].name))
                result.apart.push_back(
                    fmt::format("{}, {} (only in B)", section.load.id, section.rows[i].name));
    }
    return result;
}

std::vector<std::string> table_of(const comparison& comparison) {
    const auto count = [&](judgement wanted) {
        return std::ranges::count(comparison.metrics, wanted, &changed::is);
    };
    std::vector<std::string> lines;
    const auto add = [&](const std::string& text) {
        std::ranges::move(wrapped(text, 4), std::back_inserter(lines));
    };
    add("A: " + comparison.before);
    add("B: " + comparison.after);
    lines.push_back("");
    for (const auto& text : comparison.apart) add("Not compared: " + text);
    if (!comparison.apart.empty()) lines.push_back("");

    lines.push_back(fmt::format(line_form, "", "", "A", "B", "B / A, 95 %", "B is"));
    for (const auto verdict : {judgement::cannot_tell, judgement::better, judgement::worse})
        for (const auto& metric : comparison.metrics)
            if (metric.is == verdict) lines.push_back(line_of(metric));
    lines.push_back("");
    const auto total = comparison.metrics.size();
    add(fmt::format("B is better in {}, worse in {} of {} metrics; {} are not clearly different. If nothing "
                    "changed, about {} would be better or worse by chance.",
                    count(judgement::better), count(judgement::worse), total, count(judgement::cannot_tell),
                    std::lround(static_cast<double>(total) * alpha)));
    return lines;
}

nlohmann::ordered_json json_of(const comparison& comparison) {
    using json = nlohmann::ordered_json;
    const auto values = [](const interval_estimate& estimate) {
        return json{{"mean", estimate.mean}, {"low", estimate.low}, {"high", estimate.high}};
    };
    json text{{"schema", "parley-compare-diff/1"},
              {"a", comparison.before},
              {"b", comparison.after},
              {"figures", json::array()},
              {"not_compared", comparison.apart}};
    for (const auto& metric : comparison.metrics)
        text["figures"].push_back({{"workload", metric.workload},
                                   {"contender", metric.contender},
                                   {"figure", metric.metric},
                                   {"a", values(metric.before)},
                                   {"b", values(metric.after)},
                                   {"b_is", name_of(metric.is)}});
    return text;
}

} // namespace parley
