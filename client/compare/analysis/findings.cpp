#include "client/compare/analysis/findings.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace parley {

namespace {

/// "Highest rate: coroutine, 98.1k per second; worse: thread and pool, 80 to 83 % of that; not clearly
/// different: epoll."
std::string rate_finding(const section& section) {
    const auto ranking = rank(section, metric_named("rate"));
    if (ranking.rows.size() < 2 || ranking.standings.front() != standing::best) return {};
    const auto best = ranking.rows.front().second.mean;
    auto text = fmt::format("Highest rate: {}, {} per second", ranking.rows.front().first, format_scaled(best));
    const auto add = [&](const char* label, standing wanted) {
        double low = 1, high = 0;
        for (std::size_t i = 0; i != ranking.rows.size(); ++i)
            if (ranking.standings[i] == wanted) {
                low = std::min(low, ranking.rows[i].second.mean / best);
                high = std::max(high, ranking.rows[i].second.mean / best);
            }
        const auto names = ranking.names(wanted);
        if (names.empty()) return;
        const auto from = fmt::format("{:.0f}", low * 100), to = fmt::format("{:.0f}", high * 100);
        text +=
            fmt::format("; {}: {}, {} % of that", label, listed(names), from == to ? to : from + " to " + to);
    };
    add("as good", standing::as_good);
    add("worse", standing::worse);
    add("not clearly different", standing::unclear);
    add("too few valid rounds", standing::not_judged);
    return text + '.';
}

/// "Least memory: pool and coroutine, 4.10 MiB; most: fork, 58.2 MiB." Empty if no server needs significantly
/// more.
std::string least_finding(const section& section, std::string_view key) {
    const auto& metric = metric_named(key);
    const auto ranking = rank(section, metric);
    const auto worse = ranking.names(standing::worse);
    if (worse.empty()) return {};
    const auto& [name, most] =
        *std::ranges::find(ranking.rows, worse.back(), &std::pair<std::string, interval_estimate>::first);
    return fmt::format("Least {}: {}, {}; most: {}, {}.", metric.title, listed(ranking.good()),
                       amount(ranking.rows.front().second.mean, metric), name, amount(most.mean, metric));
}

std::string ratio_text(const interval_estimate& ratio) {
    return fmt::format("{:.3f} ({:.3f}..{:.3f})", ratio.mean, ratio.low, ratio.high);
}

} // namespace

std::vector<std::string> findings_of(const section& section) {
    std::vector<std::string> sentences;
    if (section.ranked > 1) {
        sentences.push_back(rate_finding(section));
        for (const auto* key : {"cpu_us", "pss_mib"}) sentences.push_back(least_finding(section, key));
    }
    for (const auto& row : section.rows) {
        if (!row.counts() || row.served >= section.load.connections) continue;
        sentences.push_back(fmt::format("{} served {} of {} connections, so it is not ranked.", row.name,
                                        row.served, section.load.connections));
    }
    std::erase(sentences, std::string{});
    return sentences;
}

std::vector<std::string> ratios_of(const section& section) {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i != section.ranked; ++i) {
        const auto& row = section.rows[i];
        if (row.name == section.reference || !row.rate_ratio || !row.cpu_ratio) continue;
        sentences.push_back(
            fmt::format("{} / {}: {} of the requests per second, {} of the server CPU per request.", row.name,
                        section.reference, ratio_text(*row.rate_ratio), ratio_text(*row.cpu_ratio)));
    }
    return sentences;
}

std::string noise_finding(const std::vector<section>& sections) {
    std::vector<double> residuals, rounds, servers;
    for (const auto& section : sections) {
        const auto rows = section.with("rate");
        if (rows.empty()) continue;
        const auto& rate = *rows.front()->find("rate");
        if (rate.fit.freedom <= 0) continue;
        residuals.push_back(rate.fit.residual);
        rounds.push_back(static_cast<double>(rate.values.size()));
        servers.push_back(static_cast<double>(rate.fit.servers));
    }
    if (residuals.empty()) return {};
    const auto residual = median_of(residuals);
    const auto usual_rounds = static_cast<std::size_t>(median_of(rounds));
    const auto usual_servers = static_cast<std::size_t>(median_of(servers));
    auto text = fmt::format("Residual standard deviation of a rate: {:.1f} % (median of {} workloads; what "
                            "slows a whole round is left out).",
                            residual * 100, residuals.size());
    const auto effect = minimum_detectable_effect(residual, usual_rounds, usual_servers);
    constexpr double small = 0.05; // half of the relevant difference
    if (!std::isfinite(effect)) return text;
    text += fmt::format(" Minimum detectable effect with {} rounds of {} servers: {:.0f} % (power 90 %)",
                        usual_rounds, usual_servers, effect * 100);
    if (effect > small)
        text += fmt::format("; to detect {:.0f} %, run {} rounds", small * 100,
                            rounds_needed(small, residual, usual_servers));
    return text + '.';
}

std::string circumstances(const machine& machine, const host_noise& noise, const plan& plan) {
    const bool is_noisy = noise.others + noise.steal > 0.05; // 5 %: half of the relevant difference
    int most_rounds = plan.rounds;
    for (const auto& load : plan.workloads) most_rounds = std::max(most_rounds, load.rounds);
    const auto* test =
        most_rounds < 2
            ? "One round gives no interval, so no difference is reported."
            : "A difference is reported if the simultaneous 95 % interval of the ratio excludes 1 (Tukey; "
              "logarithms, fitted by server and round): 5 of 100 tables of equal servers report one.";
    const auto* cores = plan.load_cores == plan.server_cores
                            ? "Server and load generator share the CPUs: the rate reflects both"
                            : "The load generator has one CPU of its own, the server has the others";
    return fmt::format(
        "Measured on {}. {}. CPU per request is the server's alone, from ready to the end of the "
        "load. During the run, other programs used {:.0f} % of the CPUs and a hypervisor {:.0f} %{} "
        "{}",
        machine.to_string(), cores, noise.others * 100, noise.steal * 100,
        is_noisy ? ": the intervals are wider, so measure again on a quiet machine." : ".", test);
}

} // namespace parley
