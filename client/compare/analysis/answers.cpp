#include "client/compare/analysis/answers.hpp"

#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

struct scenario {
    std::string_view id; // of the workload
    std::string_view title;
    std::string_view decides; // key of the metric that decides
    std::string_view then_by; // ... and of the one that decides among models that are as good
};

constexpr scenario scenarios[] = {
    {"cpu", "Requests that compute", "rate", "pss_mib"},
    {"waiting", "Requests that wait", "rate", "cpu_us"},
    {"idle", "Many idle connections", "pss_connection_kib", "cpu_us"},
    // By CPU, not by rate: a connection costs the load generator about as much as an event loop. If both share
    // CPUs, the rate reflects both.
    {"short", "Short connections", "cpu_us", "rate"},
};

std::string interval_of(const interval_estimate& estimate) {
    return fmt::format("95 % interval: {} to {}", format_scaled(estimate.low), format_scaled(estimate.high));
}

/// "pool reaches 1.32 times what thread does (95 % interval: 1.21 to 1.44)."
std::string margin_of(const std::pair<std::string, interval_estimate>& leader,
                      const std::pair<std::string, interval_estimate>& worse, const metric& metric) {
    const bool is_more = metric.is_higher_better();
    const auto times = times_worse(worse.second, leader.second, metric);
    return fmt::format("{} {} {:.2f} times what {} does (95 % interval: {:.2f} to {:.2f}).",
                       is_more ? leader.first : worse.first, is_more ? "reaches" : "needs", times.mean,
                       is_more ? worse.first : leader.first, times.low, times.high);
}

/// "Of these, epoll needs least ..." Empty if no model is significantly worse in this metric.
std::string tie_break(const ranking& ranking, const metric& metric) {
    const auto* worse = ranking.first_worse();
    if (!worse) return {};
    const auto group = ranking.good();
    const auto* verb = metric.is_higher_better() ? "reach{} most" : "need{} least";
    const auto* ending = group.size() > 1 ? "" : metric.is_higher_better() ? "es" : "s";
    return fmt::format(
        "Of these, {} {} {}: {}; {}, {}.", listed(group), fmt::format(fmt::runtime(verb), ending), metric.title,
        amount(ranking.rows.front().second.mean, metric), worse->first, amount(worse->second.mean, metric));
}

/// "Did not serve all connections before the load ended: iterative (1 of 500)."
std::string left_out(const section& section) {
    std::vector<std::string> names;
    for (auto i = section.ranked; i < section.rows.size(); ++i) {
        const auto& row = section.rows[i];
        names.push_back(row.counts()
                            ? fmt::format("{} ({} of {})", row.name, row.served, section.load.connections)
                            : fmt::format("{} (no valid round)", row.name));
    }
    if (names.empty()) return {};
    return fmt::format("Did not serve all connections before the load ended: {}.", listed(names));
}

/// "No valid rate of loops (90.1k per second): ..."
std::string unverified_rates(const section& section, const metric& metric) {
    std::vector<std::string> names;
    std::string reason;
    for (std::size_t i = 0; i != section.ranked; ++i) {
        const auto& row = section.rows[i];
        const auto* rate = row.find("doubted_rate");
        if (metric.key != "rate" || row.find("rate") || !rate) continue;
        names.push_back(fmt::format("{} ({} per second)", row.name, format_scaled(rate->mean)));
        reason = row.invalid.front().text;
    }
    if (names.empty()) return {};
    return fmt::format("No valid rate of {}: {}.", listed(names), reason);
}

/// A headline has room for five names.
constexpr std::size_t most_names = 5;

std::string names_or_number(const std::vector<std::string>& names) {
    if (names.size() <= most_names) return listed(names);
    return fmt::format("{} and {} more", names.front(), names.size() - 1);
}

/// States only what is significant: the models that are as good as the best, or those that are worse.
std::string headline(const ranking& ranking, const parley::ranking& by_cost, const metric& cost) {
    const auto good = ranking.good(), worse = ranking.names(standing::worse),
               unclear = ranking.names(standing::unclear);
    const bool is_all_clear = unclear.empty() && ranking.names(standing::not_judged).empty();
    if (is_all_clear && good.size() > most_names) {
        if (!worse.empty()) return "any except " + names_or_number(worse);
        if (by_cost.first_worse())
            return fmt::format("{} alike; {} {}: {}", good.size(), cost.is_higher_better() ? "most" : "least",
                               cost.title, names_or_number(by_cost.good()));
        return fmt::format("{} alike: no relevant difference", good.size());
    }
    if (is_all_clear) return names_or_number(good);
    if (!worse.empty()) return fmt::format("not {}", names_or_number(worse));
    return unclear.empty() ? "too few valid rounds" : "not clearly different";
}

std::string margin_sentence(const ranking& ranking, const metric& metric) {
    if (const auto* worse = ranking.first_worse()) return margin_of(ranking.rows.front(), *worse, metric);
    if (ranking.rows.size() < 2) return "There is no other server to compare with.";
    if (ranking.names(standing::unclear).empty())
        return fmt::format("All are within {:.0f} % of the best (95 % intervals).", relevant_difference * 100);
    return "No model is significantly worse than the best.";
}

answer answer_to(const scenario& scenario, const section& section) {
    const auto& metric = metric_named(scenario.decides);
    const auto ranking = rank(section, metric);
    answer result{std::string{scenario.id}, std::string{scenario.title}, scenario.decides, {}, {}, {}, {}};
    if (ranking.rows.empty() || ranking.standings.front() != standing::best) return result;
    const auto& [leader, estimate] = ranking.rows.front();
    result.best = ranking.good();
    const auto& cost = metric_named(scenario.then_by);
    const auto by_cost = rank(section, cost, result.best);
    result.headline = headline(ranking, by_cost, cost);
    result.margin = margin_sentence(ranking, metric);
    const auto rest = [&](const std::string& label, standing wanted) {
        const auto names = ranking.names(wanted);
        return names.empty() ? "" : fmt::format("; {}: {}", label, listed(names));
    };
    result.reason.push_back(fmt::format(
        "{} has the best mean: {} ({}){}{}{}.", leader, amount(estimate.mean, metric), interval_of(estimate),
        rest(fmt::format("within {:.0f} % of it", relevant_difference * 100), standing::as_good),
        rest("not clearly different", standing::unclear), rest("too few valid rounds", standing::not_judged)));
    result.reason.push_back(tie_break(by_cost, cost));
    result.reason.push_back(left_out(section));
    result.reason.push_back(unverified_rates(section, metric));
    std::erase(result.reason, std::string{});
    return result;
}

} // namespace

std::vector<answer> answers_of(const std::vector<section>& sections) {
    std::vector<answer> answers;
    for (const auto& scenario : scenarios)
        if (const auto* section = section_of(sections, scenario.id))
            answers.push_back(answer_to(scenario, *section));
    std::erase_if(answers, [](const answer& answer) { return answer.best.empty(); });
    return answers;
}

} // namespace parley
