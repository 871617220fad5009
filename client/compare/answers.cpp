#include "client/compare/answers.hpp"

#include "client/compare/table.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

struct asked {
    std::string_view id;
    std::string_view title;
    std::string_view decides; // which of the figures
    std::string_view then_by; // among those that are not told apart
};

constexpr asked questions[] = {
    {"cpu", "Requests that compute", "rate", "pss_mib"},
    {"waiting", "Requests that wait", "rate", "cpu_us"},
    {"idle", "Many idle connections", "pss_connection_kib", "cpu_us"},
    // Each connection costs the load about what it costs a loop: where they share processors, the rate tells of
    // both.
    {"short", "Short connections", "cpu_us", "rate"},
};

std::string amount(double value, const figure& of) {
    if (of.unit == "/s") return three_digits(value) + " per second";
    return fmt::format("{} {}", three_digits(value), of.unit);
}

/// A p of the exact test is never zero.
std::string chance(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", p); }

/// "pool reaches 1.32 times what thread does (95 %: 1.21 to 1.44; p = 0.029)."
std::string margin_of(const std::pair<std::string, estimate>& leader,
                      const std::pair<std::string, estimate>& next, const figure& by) {
    const bool more = by.better == best::highest;
    const auto& [above, below] = more ? std::pair{leader, next} : std::pair{next, leader};
    if (below.second.median <= 0) return {};
    const auto ratio = ratio_of(above.second, below.second);
    return fmt::format("{} {} {:.2f} times what {} does (95 %: {:.2f} to {:.2f}; {}).",
                       more ? leader.first : next.first, more ? "reaches" : "needs", ratio.median,
                       more ? next.first : leader.first, ratio.low, ratio.high,
                       chance(p_value(leader.second, next.second)));
}

/// Of these only.
ranking rank_among(const section& one, const std::vector<std::string>& names, const figure& by) {
    auto ranked = rank(one, by);
    std::erase_if(ranked.rows,
                  [&](const auto& each) { return std::ranges::find(names, each.first) == names.end(); });
    std::vector<estimate> values;
    for (const auto& [name, value] : ranked.rows) values.push_back(value);
    ranked.groups = groups_of(values, by.better);
    return ranked;
}

/// Among the best, who is best at something else, where that is told apart: "Of these, epoll needs least ..."
std::string tie_break(const ranking& ranked, const figure& by) {
    if (ranked.groups.size() < 2) return {};
    const auto& group = ranked.groups.front();
    const auto figures = fmt::format("{}: {}; {}, {}", by.title, amount(ranked.rows.front().second.median, by),
                                     ranked.rows.back().first, amount(ranked.rows.back().second.median, by));
    const auto* verb = by.better == best::highest ? "reach{} most" : "need{} least";
    return fmt::format("Of these, {} {} {}.", names_of(ranked, group),
                       fmt::format(fmt::runtime(verb), group.size() > 1             ? ""
                                                       : by.better == best::highest ? "es"
                                                                                    : "s"),
                       figures);
}

/// "iterative served 1 of 500 connections."
std::string left_out(const section& one) {
    std::vector<std::string> names;
    for (auto i = one.ranked; i < one.rows.size(); ++i)
        names.push_back(one.rows[i].counts() ? fmt::format("{} ({} of {})", one.rows[i].name,
                                                           one.rows[i].served, one.load.connections)
                                             : fmt::format("{} (no round counts)", one.rows[i].name));
    if (names.empty()) return {};
    return fmt::format("Did not serve every connection before the load was over: {}.", listed(names));
}

/// "The load itself was in doubt for loops (90.1k): ..."
std::string in_doubt(const section& one, const figure& by) {
    std::vector<std::string> names;
    std::string why;
    for (std::size_t i = 0; i != one.ranked; ++i) {
        const auto& each = one.rows[i];
        const auto* rate = each.find("doubted_rate");
        if (by.key != "rate" || each.find("rate") || !rate) continue;
        names.push_back(fmt::format("{} ({} per second)", each.name, three_digits(rate->median)));
        why = each.doubts.front().text;
    }
    if (names.empty()) return {};
    return fmt::format("No valid rate of {}: {}.", listed(names), why);
}

/// Names the best where they are few, or the others where those are, or those of the best who need least.
std::string headline(const ranking& of, const std::vector<std::string>& best, const ranking& thrifty,
                     const figure& then_by) {
    constexpr std::size_t few = 5;
    if (best.size() <= few) return listed(best);
    std::vector<std::string> others;
    for (const auto& [name, value] : of.rows)
        if (std::ranges::find(best, name) == best.end()) others.push_back(name);
    if (others.empty() && thrifty.groups.size() < 2)
        return fmt::format("no difference that matters among {}", best.size());
    if (others.empty()) {
        std::vector<std::string> names;
        for (const auto each : thrifty.groups.front()) names.push_back(thrifty.rows[each].first);
        return fmt::format("{} alike; {} {}: {}", best.size(),
                           then_by.better == best::highest ? "most" : "least", then_by.title, listed(names));
    }
    return others.size() <= few ? "any but " + listed(others)
                                : fmt::format("{} and {} more", best.front(), best.size() - 1);
}

/// Nobody should choose a model for less than that.
constexpr double little = 0.1;

bool is_close(const estimate& one, const estimate& best, const figure& by) {
    return by.better == best::highest ? one.median >= best.median * (1 - little)
                                      : one.median <= best.median * (1 + little);
}

answer answer_to(const asked& it, const section& one) {
    const auto& by = figure_named(it.decides);
    const auto ranked = rank(one, by);
    answer result{std::string{it.id}, std::string{it.title}, it.decides, {}, {}, {}, {}};
    if (ranked.rows.empty()) return result;
    const auto& leader = ranked.rows.front();
    std::vector<std::string> tied, close;
    const std::pair<std::string, estimate>* next = nullptr; // the first who is worse
    for (const auto& each : ranked.rows) {
        if (!told_apart(each.second, leader.second)) {
            if (&each != &leader) tied.push_back(each.first);
        } else if (is_close(each.second, leader.second, by)) {
            close.push_back(each.first);
        } else {
            if (!next) next = &each;
            continue;
        }
        result.best.push_back(each.first);
    }
    const auto& then_by = figure_named(it.then_by);
    const auto thrifty = rank_among(one, result.best, then_by);
    result.headline = headline(ranked, result.best, thrifty, then_by);
    result.margin = next                     ? margin_of(leader, *next, by)
                    : ranked.rows.size() > 1 ? "Nobody was shown to be worse by more than a tenth."
                                             : "There is nobody to compare with.";
    result.reason.push_back(fmt::format(
        "{}: {} (95 %: {} to {}){}{}.", leader.first, amount(leader.second.median, by),
        three_digits(leader.second.low), three_digits(leader.second.high),
        tied.empty() ? "" : "; no difference shown to " + listed(tied),
        close.empty() ? "" : fmt::format("; within {:.0f} % of it: {}", little * 100, listed(close))));
    result.reason.push_back(tie_break(thrifty, then_by));
    result.reason.push_back(left_out(one));
    result.reason.push_back(in_doubt(one, by));
    std::erase(result.reason, std::string{});
    return result;
}

} // namespace

std::vector<answer> answers_of(const std::vector<section>& all) {
    std::vector<answer> answers;
    for (const auto& each : questions)
        if (const auto* found = section_of(all, each.id)) answers.push_back(answer_to(each, *found));
    std::erase_if(answers, [](const answer& one) { return one.best.empty(); });
    return answers;
}

} // namespace parley
