#include "client/compare/analysis/explanation.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

namespace {

/// Counters that explain a rank: what a model spends or how evenly it works.
constexpr std::string_view counters[] = {
    "cpu_us", "voluntary", "involuntary", "calls", "faults_connection", "pss_connection_kib", "fairness"};

struct counter_difference {
    std::string_view key;
    double factor;
    std::string text;
};

/// Smaller factors and amounts are not mentioned: 0.001 waits instead of 0.0001 explain nothing.
constexpr double least_factor = 1.25, least_amount = 0.01;

std::vector<counter_difference> differences(const row& row, const parley::row& best) {
    std::vector<counter_difference> found;
    for (const auto key : counters) {
        const auto *value = row.find(key), *value_of_best = best.find(key);
        if (!value || !value_of_best || !differ(*value, *value_of_best)) continue;
        const auto small = std::max(std::min(value->mean, value_of_best->mean), least_amount);
        const auto large = std::max(value->mean, value_of_best->mean);
        if (large / small < least_factor) continue;
        found.push_back({key, large / small,
                         fmt::format("{} instead of {}", titled_amount(value->mean, metric_named(key)),
                                     format_scaled(value_of_best->mean))});
    }
    std::ranges::sort(found, std::greater{}, &counter_difference::factor);
    return found;
}

std::string own_counters(const row& row, std::string_view except) {
    std::string text;
    for (const auto key : counters)
        if (const auto* value = row.find(key); value && key != except)
            text += (text.empty() ? "" : ", ") + titled_amount(value->mean, metric_named(key));
    return text;
}

std::string against_best(const row& row, const parley::row& best, const metric& metric) {
    const auto &value = *row.find(metric.key), &value_of_best = *best.find(metric.key);
    const auto values =
        fmt::format("({} against {})", amount(value.mean, metric), amount(value_of_best.mean, metric));
    auto text = differ(value, value_of_best)
                    ? fmt::format("{:.2f} times what {} has in {} {}", value.mean / value_of_best.mean,
                                  best.name, metric.title, values)
                    : fmt::format("not clearly different from {} in {} {}", best.name, metric.title, values);
    auto found = differences(row, best);
    std::erase_if(found, [&](const counter_difference& difference) { return difference.key == metric.key; });
    if (found.empty()) return text + "; no counter differs significantly.";
    constexpr std::size_t most = 4; // a sentence with more counters is hard to read
    for (std::size_t i = 0; i != std::min(most, found.size()); ++i)
        text += (i == 0 ? ": " : "; ") + found[i].text;
    return text + '.';
}

} // namespace

std::vector<explanation> explanations_of(const section& section, std::string_view decides) {
    const auto& metric = metric_named(decides);
    const auto ranking = rank(section, metric);
    std::vector<explanation> found;
    if (ranking.rows.empty()) return found;
    const auto& best = *section.ranked_row(ranking.rows.front().first);
    for (const auto& [name, value] : ranking.rows) {
        const auto& row = *section.ranked_row(name);
        found.push_back({name, section.load.id,
                         &row == &best ? fmt::format("the best in {} ({}): {}.", metric.title,
                                                     amount(value.mean, metric), own_counters(row, metric.key))
                                       : against_best(row, best, metric)});
    }
    return found;
}

} // namespace parley
