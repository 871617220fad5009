#include "client/compare/findings.hpp"

#include "client/compare/ranking.hpp"
#include "client/compare/table.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

namespace parley {

namespace {

/// "Most requests: coroutine, 98.1k per second; then thread and pool (not told apart), 80 to 83 % of that."
std::string rate_finding(const section& one) {
    const auto ranking = rank(one, figure_named("rate"));
    if (ranking.rows.size() < 2) return {};
    const auto best = ranking.rows.front().second.median;
    std::string text;
    for (const auto& group : ranking.groups) {
        if (text.empty()) {
            text =
                fmt::format("Most requests: {}, {} per second", names_of(ranking, group), three_digits(best));
            continue;
        }
        const auto share = [&](std::size_t of) {
            return fmt::format("{:.0f}", ranking.rows[of].second.median / best * 100);
        };
        const auto high = share(group.front());
        const auto low = share(group.back());
        text += fmt::format("; then {}, {} % of that", names_of(ranking, group),
                            low == high ? low : low + " to " + high);
    }
    return text + '.';
}

/// "Least memory: pool and coroutine (not told apart), 4.10 MiB; most: fork, 58.2 MiB." Empty where the least
/// and the most are not told apart.
std::string least_finding(const section& one, std::string_view key) {
    const auto& what = figure_named(key);
    const auto ranking = rank(one, what);
    if (ranking.rows.size() < 2 || ranking.groups.size() < 2) return {};
    const auto& [name, most] = ranking.rows.back();
    return fmt::format("Least {}: {}, {} {}; most: {}, {} {}.", what.title,
                       names_of(ranking, ranking.groups.front()),
                       three_digits(ranking.rows.front().second.median), what.unit, name,
                       three_digits(most.median), what.unit);
}

std::string ratio_text(const estimate& ratio) {
    return fmt::format("{:.3f} ({:.3f}..{:.3f})", ratio.median, ratio.low, ratio.high);
}

} // namespace

std::vector<std::string> findings_of(const section& one) {
    std::vector<std::string> sentences;
    if (one.ranked > 1) {
        sentences.push_back(rate_finding(one));
        for (const auto* key : {"cpu_us", "pss_mib"}) sentences.push_back(least_finding(one, key));
    }
    for (const auto& each : one.rows) {
        if (!each.counts() || each.served >= one.load.connections) continue;
        sentences.push_back(fmt::format("{} served {} of {} connections, so it is not ranked.", each.name,
                                        each.served, one.load.connections));
    }
    std::erase(sentences, std::string{});
    return sentences;
}

std::vector<std::string> ratios_of(const section& one) {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i != one.ranked; ++i) {
        const auto& each = one.rows[i];
        if (each.name == one.reference || !each.rate_ratio || !each.cpu_ratio) continue;
        sentences.push_back(
            fmt::format("{} / {}: {} of the requests per second, {} of the server CPU per request.", each.name,
                        one.reference, ratio_text(*each.rate_ratio), ratio_text(*each.cpu_ratio)));
    }
    return sentences;
}

std::string noise_finding(const std::vector<section>& all) {
    std::vector<double> noise, rounds;
    for (const auto& each : all)
        for (const auto* one : each.with("rate")) {
            const auto& rate = *one->find("rate");
            if (rate.values.size() < 3) continue;
            noise.push_back(noise_of(rate));
            rounds.push_back(static_cast<double>(rate.values.size()));
        }
    if (noise.empty()) return {};
    const auto usual = median_of(noise);
    auto text =
        fmt::format("From round to round, the rate of one server under one workload differed by {:.1f} % (a "
                    "standard deviation; the median of {}).",
                    usual * 100, noise.size());
    const auto usual_rounds = static_cast<std::size_t>(median_of(rounds));
    const auto shown = least_shown(usual, usual_rounds);
    constexpr double small = 0.05;
    if (!std::isfinite(shown)) return text;
    text +=
        fmt::format(" So {} rounds show a difference of {:.0f} % nine times in ten", usual_rounds, shown * 100);
    if (shown > small)
        text += fmt::format("; one of {:.0f} % takes {}", small * 100, rounds_to_show(small, usual));
    return text + '.';
}

std::string circumstances(const machine& where, const disturbance& meanwhile, const plan& all) {
    const bool was_disturbed = meanwhile.others + meanwhile.stolen > 0.05;
    int most_rounds = all.rounds;
    for (const auto& each : all.workloads) most_rounds = std::max(most_rounds, each.rounds);
    const auto* verdict =
        most_rounds < 4 ? "Fewer than 4 rounds tell nobody apart."
                        : "Two are told apart where chance would part two equals so clearly at most 3 times "
                          "in 100 (a permutation test of their rounds).";
    const auto* cores = all.load_cores == all.server_cores
                            ? "Server and load share the cores, so a rate tells of both"
                            : "The load has one core for itself, a server the others";
    return fmt::format("Measured on {}. {}; CPU per request is the server's alone, from its start to its end. "
                       "Other programs had "
                       "{:.0f} % of the processors meanwhile, a hypervisor {:.0f} %{} {}",
                       where.to_string(), cores, meanwhile.others * 100, meanwhile.stolen * 100,
                       was_disturbed ? ": that widens the spreads, so measure again when it is quiet." : ".",
                       verdict);
}

} // namespace parley
