#include "client/compare/reasons.hpp"

#include "client/compare/table.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

struct counter {
    std::string_view key;
    std::string_view what; // "{} page faults per request"
};

constexpr counter counters[] = {
    {"cpu_us", "us of server CPU per request"},   {"voluntary", "waits per request"},
    {"involuntary", "preemptions per request"},   {"faults_connection", "page faults per connection"},
    {"pss_connection_kib", "KiB per connection"}, {"fairness", "fairness among its workers"},
};

struct difference {
    double factor;
    std::string text;
};

/// Less than this is of no interest: 0.001 waits instead of 0.0001.
constexpr double least_factor = 1.25, least_amount = 0.01;

std::vector<difference> differences(const row& one, const row& other) {
    std::vector<difference> all;
    for (const auto& [key, what] : counters) {
        const auto* mine = one.find(key);
        const auto* theirs = other.find(key);
        if (!mine || !theirs || !told_apart(*mine, *theirs)) continue;
        const auto small = std::max(std::min(mine->median, theirs->median), least_amount);
        const auto large = std::max(mine->median, theirs->median);
        if (large / small < least_factor) continue;
        all.push_back({large / small, fmt::format("{} {} instead of {}", three_digits(mine->median), what,
                                                  three_digits(theirs->median))});
    }
    std::ranges::sort(all, std::greater{}, &difference::factor);
    return all;
}

std::string own_counters(const row& one) {
    std::string text;
    for (const auto& [key, what] : counters)
        if (const auto* mine = one.find(key))
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", three_digits(mine->median), what);
    return text;
}

std::string beside_best(const row& one, const row& best) {
    const auto &rate = *one.find("rate"), &best_rate = *best.find("rate");
    auto text = told_apart(rate, best_rate)
                    ? fmt::format("{:.0f} % of the requests of {} ({} against {} per second)",
                                  100 * rate.median / best_rate.median, best.name, three_digits(rate.median),
                                  three_digits(best_rate.median))
                    : fmt::format("not told apart from {} by its rate ({} against {} per second)", best.name,
                                  three_digits(rate.median), three_digits(best_rate.median));
    const auto found = differences(one, best);
    if (found.empty()) return text + "; no counter differs clearly.";
    constexpr std::size_t most = 4;
    for (std::size_t i = 0; i != std::min(most, found.size()); ++i)
        text += (i == 0 ? ": " : "; ") + found[i].text;
    return text + '.';
}

} // namespace

std::vector<reasoning> reasons_of(const section& one) {
    std::vector<reasoning> all;
    const auto rows = one.with("rate");
    for (const auto* each : rows)
        all.push_back({each->name, one.load.id,
                       each == rows.front()
                           ? fmt::format("the most requests ({} per second): {}.",
                                         three_digits(each->find("rate")->median), own_counters(*each))
                           : beside_best(*each, *rows.front())});
    return all;
}

} // namespace parley
