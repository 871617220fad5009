#include "client/compare/analysis/findings.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace parley {

namespace {

/// "Most requests: coroutine, 98.1k per second; worse: thread and pool, 80 to 83 % of that; not enough rounds
/// to say: epoll."
std::string rate_finding(const section& one) {
    const auto ranking = rank(one, metric_named("rate"));
    if (ranking.rows.size() < 2 || ranking.standings.front() != standing::best) return {};
    const auto best = ranking.rows.front().second.mean;
    std::string text;
    text = fmt::format("Most requests: {}, {} per second", ranking.rows.front().first, format_scaled(best));
    const auto add = [&](const char* what, standing which) {
        double low = 1, high = 0;
        for (std::size_t i = 0; i != ranking.rows.size(); ++i)
            if (ranking.standings[i] == which) {
                low = std::min(low, ranking.rows[i].second.mean / best);
                high = std::max(high, ranking.rows[i].second.mean / best);
            }
        const auto names = ranking.names(which);
        if (names.empty()) return;
        const auto from = fmt::format("{:.0f}", low * 100), to = fmt::format("{:.0f}", high * 100);
        text +=
            fmt::format("; {}: {}, {} % of that", what, listed(names), from == to ? to : from + " to " + to);
    };
    add("as good", standing::as_good);
    add("worse", standing::worse);
    add("not enough rounds to say", standing::open);
    add("not judged, too few rounds are valid", standing::not_judged);
    return text + '.';
}

/// "Least memory: pool and coroutine, 4.10 MiB; most: fork, 58.2 MiB." Empty if the most is not shown to be
/// more.
std::string least_finding(const section& one, std::string_view key) {
    const auto& what = metric_named(key);
    const auto ranking = rank(one, what);
    const auto worse = ranking.names(standing::worse);
    if (worse.empty()) return {};
    const auto& [name, most] =
        *std::ranges::find(ranking.rows, worse.back(), &std::pair<std::string, interval_estimate>::first);
    return fmt::format("Least {}: {}, {} {}; most: {}, {} {}.", what.title, listed(ranking.good()),
                       format_scaled(ranking.rows.front().second.mean), what.unit, name,
                       format_scaled(most.mean), what.unit);
}

std::string ratio_text(const interval_estimate& ratio) {
    return fmt::format("{:.3f} ({:.3f}..{:.3f})", ratio.mean, ratio.low, ratio.high);
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
    std::vector<double> noise, rounds, servers;
    for (const auto& each : all) {
        const auto with_rate = each.with("rate");
        if (with_rate.empty()) continue;
        const auto& rate = *with_rate.front()->find("rate");
        if (rate.fit.freedom <= 0) continue;
        noise.push_back(rate.fit.residual);
        rounds.push_back(static_cast<double>(rate.values.size()));
        servers.push_back(static_cast<double>(rate.fit.servers));
    }
    if (noise.empty()) return {};
    const auto usual = median_of(noise);
    auto text = fmt::format("Apart from what a round does to all servers alike, a rate differs by {:.1f} % "
                            "from round to round (residual "
                            "standard deviation; median of {} workloads).",
                            usual * 100, noise.size());
    const auto usual_rounds = static_cast<std::size_t>(median_of(rounds));
    const auto usual_servers = static_cast<std::size_t>(median_of(servers));
    const auto shown = minimum_detectable_effect(usual, usual_rounds, usual_servers);
    constexpr double small = 0.05;
    if (!std::isfinite(shown)) return text;
    text += fmt::format(" So {} rounds of {} servers show a difference of {:.0f} % nine times in ten",
                        usual_rounds, usual_servers, shown * 100);
    if (shown > small)
        text +=
            fmt::format("; one of {:.0f} % takes {}", small * 100, rounds_needed(small, usual, usual_servers));
    return text + '.';
}

std::string circumstances(const machine& where, const host_noise& meanwhile, const plan& all) {
    const bool was_disturbed = meanwhile.others + meanwhile.steal > 0.05;
    int most_rounds = all.rounds;
    for (const auto& each : all.workloads) most_rounds = std::max(most_rounds, each.rounds);
    const auto* verdict =
        most_rounds < 2
            ? "One round shows no difference."
            : "A difference is reported if 1 is not in the simultaneous 95 % interval of the ratio (Tukey; "
              "logarithms, fitted by server and round): of 100 tables of equal servers, 5 report one.";
    const auto* cores = all.load_cores == all.server_cores
                            ? "Server and load share the cores, so a rate tells of both"
                            : "The load has one core for itself, a server the others";
    return fmt::format("Measured on {}. {}; CPU per request is the server's alone, from when it is ready to "
                       "the end of the load. "
                       "Other programs had "
                       "{:.0f} % of the processors meanwhile, a hypervisor {:.0f} %{} {}",
                       where.to_string(), cores, meanwhile.others * 100, meanwhile.steal * 100,
                       was_disturbed ? ": that widens the spreads, so measure again when it is quiet." : ".",
                       verdict);
}

} // namespace parley
