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

judgement judge(const interval_estimate& before, const interval_estimate& after, best better) {
    const auto times = ratio_between_runs(after, before);
    if (times.low <= 1 && times.high >= 1) return judgement::cannot_tell;
    return (times.low > 1) == (better == best::highest) ? judgement::better : judgement::worse;
}

/// Is the same asked of the same servers? How long and how often does not matter.
bool alike(const workload& one, const workload& other) {
    return one.service == other.service && one.connections == other.connections && one.size == other.size &&
           one.lines == other.lines && one.per_connection == other.per_connection &&
           one.digits == other.digits && one.wait == other.wait &&
           one.background_clients == other.background_clients &&
           one.disturbing_digits == other.disturbing_digits && one.server_options == other.server_options;
}

constexpr auto line_form = "{:<28.28}{:<23.23}{:>8}{:>8}  {:<20.20}{}";

std::string line_of(const changed& one) {
    std::string ratio = "-";
    if (one.before.mean > 0) {
        const auto times = ratio_between_runs(one.after, one.before);
        ratio = fmt::format("x{} {}..{}", format_scaled(times.mean), format_scaled(times.low),
                            format_scaled(times.high));
    }
    return fmt::format(line_form, one.workload + ", " + one.contender, metric_named(one.metric).title,
                       format_scaled(one.before.mean), format_scaled(one.after.mean), ratio, name_of(one.is));
}

std::string origin_of(const results& one) {
    return fmt::format("{} on {}, {} plan", one.begun, one.where.to_string(), one.planned.name);
}

} // namespace

std::string_view name_of(judgement value) {
    switch (value) {
    case judgement::better: return "better";
    case judgement::worse: return "worse";
    case judgement::cannot_tell: return "cannot tell";
    }
    return "?";
}

comparison compare(const results& before, const results& after) {
    comparison both{origin_of(before), origin_of(after), {}, {}};
    const auto earlier = summarize(before.planned, before.done, "");
    const auto later = summarize(after.planned, after.done, "");
    for (const auto& one : earlier) {
        const auto* other = section_of(later, one.load.id);
        if (!other || !alike(one.load, other->load)) {
            both.apart.push_back(
                fmt::format("{} ({})", one.load.id, other ? "asked differently" : "only in A"));
            continue;
        }
        for (std::size_t i = 0; i != one.ranked; ++i) {
            const auto& row = one.rows[i];
            const auto* same = other->ranked_row(row.name);
            if (!same) {
                both.apart.push_back(fmt::format("{}, {} (only in A)", one.load.id, row.name));
                continue;
            }
            for (const auto key : compared) {
                const auto *was = row.find(key), *is = same->find(key);
                if (was && is)
                    both.metrics.push_back(
                        {one.load.id, row.name, key, *was, *is, judge(*was, *is, metric_named(key).better)});
            }
        }
    }
    for (const auto& one : later) {
        const auto* same = section_of(earlier, one.load.id);
        if (!same) both.apart.push_back(fmt::format("{} (only in B)", one.load.id));
        if (!same || !alike(one.load, same->load)) continue;
        for (std::size_t i = 0; i != one.ranked; ++i)
            if (!same->ranked_row(one.rows[i].name))
                both.apart.push_back(fmt::format("{}, {} (only in B)", one.load.id, one.rows[i].name));
    }
    return both;
}

std::vector<std::string> table_of(const comparison& both) {
    const auto count = [&](judgement which) { return std::ranges::count(both.metrics, which, &changed::is); };
    std::vector<std::string> lines;
    const auto add = [&](const std::string& text) {
        std::ranges::move(wrapped(text, 4), std::back_inserter(lines));
    };
    add("A: " + both.before);
    add("B: " + both.after);
    lines.push_back("");
    for (const auto& each : both.apart) add("Not compared: " + each);
    if (!both.apart.empty()) lines.push_back("");

    lines.push_back(fmt::format(line_form, "", "", "A", "B", "B / A, 95 %", "B is"));
    for (const auto which : {judgement::cannot_tell, judgement::better, judgement::worse})
        for (const auto& each : both.metrics)
            if (each.is == which) lines.push_back(line_of(each));
    lines.push_back("");
    const auto all = both.metrics.size();
    add(fmt::format(
        "B is better in {}, worse in {} of {} figures; of {} it cannot be told. By chance alone, about "
        "{} would be called so if nothing had changed.",
        count(judgement::better), count(judgement::worse), all, count(judgement::cannot_tell),
        std::lround(static_cast<double>(all) * alpha)));
    return lines;
}

nlohmann::ordered_json json_of(const comparison& both) {
    using json = nlohmann::ordered_json;
    const auto values = [](const interval_estimate& it) {
        return json{{"mean", it.mean}, {"low", it.low}, {"high", it.high}};
    };
    json text{{"schema", "parley-compare-diff/1"},
              {"a", both.before},
              {"b", both.after},
              {"figures", json::array()},
              {"not_compared", both.apart}};
    for (const auto& each : both.metrics)
        text["figures"].push_back({{"workload", each.workload},
                                   {"contender", each.contender},
                                   {"figure", each.metric},
                                   {"a", values(each.before)},
                                   {"b", values(each.after)},
                                   {"b_is", name_of(each.is)}});
    return text;
}

} // namespace parley
