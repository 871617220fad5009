#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>

namespace parley {

namespace {

// Name; rate, its spread, its ratio; p50, p99; CPU, switches, memory; served, left.
constexpr auto line_form = "{:<12}{:>6}{:>14}{:>14}{:>7}{:>7}{:>7}{:>7}{:>6}{:>14}{:>6}";

std::string interval_text_of(const interval_estimate* one) { return one ? interval_text(*one) : "-"; }

std::string mean_text(const interval_estimate* one) { return one ? format_scaled(one->mean) : "-"; }

std::string percent_text(const std::optional<interval_estimate>& ratio, bool is_reference) {
    if (is_reference) return "100%";
    if (!ratio) return "-";
    if (!std::isfinite(ratio->high)) return fmt::format("{:.0f}%", ratio->mean * 100);
    return fmt::format("{:.0f}% {:.0f}..{:.0f}", ratio->mean * 100, ratio->low * 100, ratio->high * 100);
}

/// Of both kinds.
std::string switches_text(const row& one) {
    const auto* voluntary = one.find("voluntary");
    const auto* involuntary = one.find("involuntary");
    return voluntary && involuntary ? format_scaled(voluntary->mean + involuntary->mean) : "-";
}

std::string served_text(int served, int connections) {
    return served >= connections ? "all" : fmt::format("{} of {}", served, connections);
}

std::string line_of(const row& one, const section& of) {
    const auto name = one.name.size() <= 11 ? one.name : one.name.substr(0, 10) + '~';
    const auto* left = one.left_cleanly ? "clean" : "no";
    if (!one.counts()) return fmt::format("{:<12}{}", name, "no round counts");
    return fmt::format(line_form, name, mean_text(one.find("rate")), interval_text_of(one.find("rate")),
                       percent_text(one.rate_ratio, one.name == of.reference), mean_text(one.find("p50_ms")),
                       mean_text(one.find("p99_ms")), mean_text(one.find("cpu_us")), switches_text(one),
                       mean_text(one.find("pss_mib")), served_text(one.served, of.load.connections), left);
}

} // namespace

std::string interval_text(const interval_estimate& one) {
    if (one.values.size() < 2) return "one round";
    return fmt::format("{}..{}", format_scaled(one.low), format_scaled(one.high));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t indent) {
    std::vector<std::string> lines;
    const auto blanks = std::min(text.find_first_not_of(' '), text.size());
    std::string line{text.substr(0, blanks)};
    text.remove_prefix(blanks);
    bool at_begin = true;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (!at_begin && line.size() + 1 + word.size() > table_width) {
            lines.push_back(line);
            line.assign(indent, ' ');
        } else if (!at_begin) {
            line += ' ';
        }
        line += word;
        at_begin = false;
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
    lines.push_back(fmt::format(line_form, "", "mean", "95% interval", against, "p50", "p99", "CPU us",
                                "switch", "MiB", "served", "left"));
    for (const auto& each : one.rows) lines.push_back(line_of(each, one));
    const auto tell = [&](const row& each, const std::vector<problem>& why, const char* verdict) {
        for (const auto& [text, rounds] : why) {
            const auto line = fmt::format("{}, {} {}: {}{}", each.name, rounds.size() == 1 ? "round" : "rounds",
                                          fmt::join(rounds, ", "), verdict, text);
            std::ranges::move(wrapped(line, 4), std::back_inserter(lines));
        }
    };
    for (const auto& each : one.rows) {
        tell(each, each.problems, "");
        tell(each, each.doubts, "not valid: ");
    }
    return lines;
}

} // namespace parley
