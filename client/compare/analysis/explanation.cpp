#include "client/compare/analysis/explanation.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

namespace {

struct counter {
    std::string_view key;
    std::string_view what; // "{} page faults per request"
};

constexpr counter telling[] = {
    {"cpu_us", "us of server CPU per request"},          {"voluntary", "waits per request"},
    {"involuntary", "preemptions per request"},          {"calls", "system calls per request"},
    {"faults_connection", "page faults per connection"}, {"pss_connection_kib", "KiB per connection"},
    {"fairness", "fairness among its workers"},
};

struct difference {
    std::string_view key;
    double factor;
    std::string text;
};

/// Less than this is of no interest: 0.001 waits instead of 0.0001.
constexpr double least_factor = 1.25, least_amount = 0.01;

std::vector<difference> differences(const row& one, const row& other) {
    std::vector<difference> all;
    for (const auto& [key, what] : telling) {
        const auto* mine = one.find(key);
        const auto* theirs = other.find(key);
        if (!mine || !theirs || !differ(*mine, *theirs)) continue;
        const auto small = std::max(std::min(mine->mean, theirs->mean), least_amount);
        const auto large = std::max(mine->mean, theirs->mean);
        if (large / small < least_factor) continue;
        all.push_back(
            {key, large / small,
             fmt::format("{} {} instead of {}", format_scaled(mine->mean), what, format_scaled(theirs->mean))});
    }
    std::ranges::sort(all, std::greater{}, &difference::factor);
    return all;
}

std::string own_counters(const row& one, std::string_view but) {
    std::string text;
    for (const auto& [key, what] : telling)
        if (const auto* mine = one.find(key); mine && key != but)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_scaled(mine->mean), what);
    return text;
}

std::string amount(const interval_estimate& value, const metric& of) {
    return of.unit == "/s" ? format_scaled(value.mean) + " per second"
                           : fmt::format("{} {}", format_scaled(value.mean), of.unit);
}

std::string beside_best(const row& one, const row& best, const metric& by) {
    const auto &mine = *one.find(by.key), &theirs = *best.find(by.key);
    auto text = differ(mine, theirs)
                    ? fmt::format("{:.2f} times what {} has in {} ({} against {})", mine.mean / theirs.mean,
                                  best.name, by.title, amount(mine, by), amount(theirs, by))
                    : fmt::format("not shown to differ from {} in {} ({} against {})", best.name, by.title,
                                  amount(mine, by), amount(theirs, by));
    auto found = differences(one, best);
    std::erase_if(found, [&](const difference& each) { return each.key == by.key; });
    if (found.empty()) return text + "; no counter differs clearly.";
    constexpr std::size_t most = 4;
    for (std::size_t i = 0; i != std::min(most, found.size()); ++i)
        text += (i == 0 ? ": " : "; ") + found[i].text;
    return text + '.';
}

} // namespace

std::vector<reasoning> explanations_of(const section& one, std::string_view decides) {
    const auto& by = metric_named(decides);
    const auto ranking = rank(one, by);
    std::vector<reasoning> all;
    if (ranking.rows.empty()) return all;
    const auto& best = *one.ranked_row(ranking.rows.front().first);
    for (const auto& [name, value] : ranking.rows) {
        const auto& each = *one.ranked_row(name);
        all.push_back({name, one.load.id,
                       &each == &best ? fmt::format("the best in {} ({}): {}.", by.title, amount(value, by),
                                                    own_counters(each, by.key))
                                      : beside_best(each, best, by)});
    }
    return all;
}

} // namespace parley
