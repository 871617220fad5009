#include "client/compare/table.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>

namespace parley {

namespace {

// Name; rate, its spread, its ratio; p50, p99; CPU, switches, memory; served, left.
constexpr auto line_form = "{:<12}{:>6}{:>14}{:>14}{:>7}{:>7}{:>7}{:>7}{:>6}{:>14}{:>6}";

std::string spread_text(const spread& one) {
    return fmt::format("{}..{}", three_digits(one.least), three_digits(one.most));
}

std::string time_text(const std::optional<spread>& time) { return time ? three_digits(time->median) : "-"; }

std::string percent_text(const std::optional<spread>& ratio, bool is_reference) {
    if (is_reference) return "100%";
    if (!ratio) return "-";
    return fmt::format("{:.0f}% {:.0f}..{:.0f}", ratio->median * 100, ratio->least * 100, ratio->most * 100);
}

std::string served_text(int served, int connections) {
    return served >= connections ? "all" : fmt::format("{} of {}", served, connections);
}

std::string line_of(const row& one, const section& of) {
    const auto name = one.name.size() <= 11 ? one.name : one.name.substr(0, 10) + '~';
    const auto* left = one.left_cleanly ? "clean" : "no";
    if (!one.values) return fmt::format("{:<12}{}", name, "no round counts");
    const auto& it = *one.values;
    return fmt::format(line_form, name, three_digits(it.rate.median), spread_text(it.rate),
                       percent_text(it.rate_ratio, one.name == of.reference), time_text(it.p50_ms),
                       time_text(it.p99_ms), three_digits(it.cpu_us.median), three_digits(it.switches.median),
                       three_digits(it.pss_mib.median), served_text(it.served, of.load.connections), left);
}

} // namespace

std::string three_digits(double value) {
    constexpr std::array<const char*, 4> units{"", "k", "M", "G"};
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 != units.size(); ++unit) value /= 1000;
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
    return fmt::format("{:.{}f}{}", value, decimals, units[unit]);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t indent) {
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (!line.empty() && line.size() + 1 + word.size() > table_width) {
            lines.push_back(line);
            line.assign(indent, ' ');
        } else if (!line.empty()) {
            line += ' ';
        }
        line += word;
    }
    lines.push_back(line);
    return lines;
}

std::vector<std::string> table_of(const section& one) {
    const auto* against = one.reference.empty()                    ? ""
                          : one.reference == one.rows.front().name ? "of the best"
                                                                   : "of baseline";
    auto lines = wrapped(one.load.to_string());
    lines.push_back("");
    lines.push_back(fmt::format("{:<12}{:^34}{:>14}{:>14}{:>7}", "", "requests per second", "latency, ms",
                                "per request", "memory"));
    lines.push_back(fmt::format(line_form, "", "median", "least..most", against, "p50", "p99", "CPU us",
                                "switch", "MiB", "served", "left"));
    for (const auto& each : one.rows) lines.push_back(line_of(each, one));
    for (const auto& each : one.rows)
        for (const auto& [text, rounds] : each.problems) {
            const auto why = fmt::format("{}, {} {}: {}", each.name, rounds.size() == 1 ? "round" : "rounds",
                                         fmt::join(rounds, ", "), text);
            std::ranges::move(wrapped(why, 4), std::back_inserter(lines));
        }
    return lines;
}

} // namespace parley
