#include "client/compare/findings.hpp"

#include "client/compare/table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace parley {

namespace {

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i != names.size(); ++i) {
        if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
        text += names[i];
    }
    return text;
}

std::vector<row> ranked_rows(const section& one) {
    return {one.rows.begin(), one.rows.begin() + static_cast<std::ptrdiff_t>(one.ranked)};
}

/// "thread and pool (not told apart)"
std::string group_text(const std::vector<row>& rows, const std::vector<std::size_t>& group) {
    std::vector<std::string> names;
    for (const auto each : group) names.push_back(rows[each].name);
    return listed(names) + (names.size() > 1 ? " (not told apart)" : "");
}

/// "Most requests: coroutine, 98.1k per second; then thread and pool (not told apart), 80 to 83 % of that."
std::string rate_finding(const std::vector<row>& rows) {
    std::vector<spread> rates;
    for (const auto& each : rows) rates.push_back(each.values->rate);
    const auto best = rates.front().median;
    std::string text;
    for (const auto& group : groups_of(rates)) {
        if (text.empty()) {
            text = fmt::format("Most requests: {}, {} per second", group_text(rows, group), three_digits(best));
            continue;
        }
        const auto share = [&](std::size_t of) { return fmt::format("{:.0f}", rates[of].median / best * 100); };
        const auto high = share(group.front());
        const auto low = share(group.back());
        text += fmt::format("; then {}, {} % of that", group_text(rows, group),
                            low == high ? low : low + " to " + high);
    }
    return text + '.';
}

/// "Least memory: pool and coroutine (not told apart), 4.10 MiB; most: fork, 58.2 MiB." Empty where the least
/// and the most are not told apart.
std::string least_finding(std::vector<row> rows, const spread figures::*figure, std::string_view what,
                          std::string_view unit) {
    const auto of = [&](const row& one) -> const spread& { return (*one.values).*figure; };
    std::ranges::sort(rows, {}, [&](const row& one) { return of(one).median; });
    const auto& least = of(rows.front());
    const auto& most = of(rows.back());
    if (!told_apart(least, most)) return {};
    std::vector<std::size_t> group;
    for (std::size_t i = 0; i != rows.size(); ++i)
        if (!told_apart(least, of(rows[i]))) group.push_back(i);
    return fmt::format("Least {}: {}, {} {}; most: {}, {} {}.", what, group_text(rows, group),
                       three_digits(least.median), unit, rows.back().name, three_digits(most.median), unit);
}

std::string ratio_text(const spread& ratio) {
    return fmt::format("{:.3f} ({:.3f}..{:.3f})", ratio.median, ratio.least, ratio.most);
}

} // namespace

std::vector<std::string> findings_of(const section& one) {
    std::vector<std::string> sentences;
    const auto rows = ranked_rows(one);
    if (rows.size() > 1) {
        sentences.push_back(rate_finding(rows));
        sentences.push_back(least_finding(rows, &figures::cpu_us, "server CPU per request", "us"));
        sentences.push_back(least_finding(rows, &figures::pss_mib, "memory", "MiB"));
    }
    for (const auto& each : one.rows) {
        if (!each.values || each.values->served >= one.load.connections) continue;
        sentences.push_back(fmt::format("{} served {} of {} connections, so it is not ranked.", each.name,
                                        each.values->served, one.load.connections));
    }
    std::erase(sentences, std::string{});
    return sentences;
}

std::vector<std::string> ratios_of(const section& one) {
    std::vector<std::string> sentences;
    for (const auto& each : ranked_rows(one)) {
        if (each.name == one.reference || !each.values->rate_ratio || !each.values->cpu_ratio) continue;
        sentences.push_back(fmt::format(
            "{} / {}: {} of the requests per second, {} of the server CPU per request.", each.name,
            one.reference, ratio_text(*each.values->rate_ratio), ratio_text(*each.values->cpu_ratio)));
    }
    return sentences;
}

std::string circumstances(const machine& where, const disturbance& meanwhile, const plan& all) {
    const bool was_disturbed = meanwhile.others + meanwhile.stolen > 0.05;
    const auto verdict =
        all.rounds < 3
            ? std::string{"Fewer than 3 rounds tell nobody apart."}
            : fmt::format("Two are told apart where their spreads over {} rounds do not overlap: that "
                          "shows large differences only.",
                          all.rounds);
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
