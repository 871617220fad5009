#include "client/compare/analysis/answers.hpp"

#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

struct asked {
    std::string_view id;
    std::string_view title;
    std::string_view decides; // which of the figures
    std::string_view then_by; // among those that are as good
};

constexpr asked questions[] = {
    {"cpu", "Requests that compute", "rate", "pss_mib"},
    {"waiting", "Requests that wait", "rate", "cpu_us"},
    {"idle", "Many idle connections", "pss_connection_kib", "cpu_us"},
    // Each connection costs the load about what it costs a loop: where they share processors, the rate tells of
    // both.
    {"short", "Short connections", "cpu_us", "rate"},
};

std::string amount(double value, const metric& of) {
    if (of.unit == "/s") return format_scaled(value) + " per second";
    return fmt::format("{} {}", format_scaled(value), of.unit);
}

std::string interval_of(const interval_estimate& one) {
    return fmt::format("95 %: {} to {}", format_scaled(one.low), format_scaled(one.high));
}

/// "pool reaches 1.32 times what thread does (95 %: 1.21 to 1.44)."
std::string margin_of(const std::pair<std::string, interval_estimate>& leader,
                      const std::pair<std::string, interval_estimate>& worse, const metric& by) {
    const bool more = by.better == best::highest;
    const auto times = times_worse(worse.second, leader.second, by);
    return fmt::format("{} {} {:.2f} times what {} does (95 %: {:.2f} to {:.2f}).",
                       more ? leader.first : worse.first, more ? "reaches" : "needs", times.mean,
                       more ? worse.first : leader.first, times.low, times.high);
}

/// Among the best, which is best at something else: "Of these, epoll needs least ..." Empty if none is worse.
std::string tie_break(const ranking& ranked, const metric& by) {
    const auto* worse = ranked.first_worse();
    if (!worse) return {};
    const auto group = ranked.good();
    const auto* verb = by.better == best::highest ? "reach{} most" : "need{} least";
    const auto* ending = group.size() > 1 ? "" : by.better == best::highest ? "es" : "s";
    return fmt::format(
        "Of these, {} {} {}: {}; {}, {}.", listed(group), fmt::format(fmt::runtime(verb), ending), by.title,
        amount(ranked.rows.front().second.mean, by), worse->first, amount(worse->second.mean, by));
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
std::string in_doubt(const section& one, const metric& by) {
    std::vector<std::string> names;
    std::string why;
    for (std::size_t i = 0; i != one.ranked; ++i) {
        const auto& each = one.rows[i];
        const auto* rate = each.find("doubted_rate");
        if (by.key != "rate" || each.find("rate") || !rate) continue;
        names.push_back(fmt::format("{} ({} per second)", each.name, format_scaled(rate->mean)));
        why = each.doubts.front().text;
    }
    if (names.empty()) return {};
    return fmt::format("No valid rate of {}: {}.", listed(names), why);
}

/// At most five names.
std::string names_or_number(const std::vector<std::string>& names) {
    constexpr std::size_t few = 5;
    if (names.size() <= few) return listed(names);
    return fmt::format("{} and {} more", names.front(), names.size() - 1);
}

/// Says only what is shown: which are good, and, unless all others are worse, which are worse.
std::string headline(const ranking& of, const ranking& thrifty, const metric& then_by) {
    const auto good = of.good(), worse = of.names(standing::worse);
    const bool is_all_judged = of.names(standing::open).empty() && of.names(standing::not_judged).empty();
    if (is_all_judged && good.size() > 5) {
        if (!worse.empty()) return "any but " + names_or_number(worse);
        if (thrifty.first_worse())
            return fmt::format("{} alike; {} {}: {}", good.size(),
                               then_by.better == best::highest ? "most" : "least", then_by.title,
                               names_or_number(thrifty.good()));
        return fmt::format("{} alike: no difference that matters", good.size());
    }
    if (is_all_judged) return names_or_number(good);
    return worse.empty() ? "not enough rounds to say" : fmt::format("not {}", names_or_number(worse));
}

answer answer_to(const asked& it, const section& one) {
    const auto& by = metric_named(it.decides);
    const auto ranked = rank(one, by);
    answer result{std::string{it.id}, std::string{it.title}, it.decides, {}, {}, {}, {}};
    if (ranked.rows.empty() || ranked.standings.front() != standing::best) return result;
    const auto& leader = ranked.rows.front();
    result.best = ranked.good();
    const auto& then_by = metric_named(it.then_by);
    const auto thrifty = rank(one, then_by, result.best);
    const auto* worse = ranked.first_worse();
    const auto as_good = ranked.names(standing::as_good), open = ranked.names(standing::open),
               not_judged = ranked.names(standing::not_judged);
    result.headline = headline(ranked, thrifty, then_by);
    result.margin = worse                    ? margin_of(leader, *worse, by)
                    : ranked.rows.size() < 2 ? "There is no other server to compare with."
                    : open.empty()
                        ? fmt::format("All are shown to be within {:.0f} % of the best.", little * 100)
                        : "No server is shown to be worse than another.";
    const auto rest = [](const char* what, const std::vector<std::string>& names) {
        return names.empty() ? "" : fmt::format("; {}: {}", what, listed(names));
    };
    result.reason.push_back(fmt::format(
        "{} has the best mean: {} ({}){}{}{}.", leader.first, amount(leader.second.mean, by),
        interval_of(leader.second), rest(fmt::format("within {:.0f} % of it", little * 100).c_str(), as_good),
        rest("not enough rounds to say", open), rest("too few valid rounds to judge", not_judged)));
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
