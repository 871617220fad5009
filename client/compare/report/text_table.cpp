#include "client/compare/report/text_table.hpp"

#include "common/human_numbers.hpp"
#include "common/wrap_text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <sstream>

namespace parley {

namespace {

// Columns: name; rate, interval, ratio; p50, p99; CPU, switches, memory; served, left.
constexpr auto line_form = "{:<12}{:>6}{:>14}{:>14}{:>7}{:>7}{:>7}{:>7}{:>6}{:>14}{:>6}";

std::string interval_text_of(const interval_estimate* estimate) {
    return estimate ? interval_text(*estimate) : "-";
}

std::string mean_text(const interval_estimate* estimate) {
    return estimate ? format_scaled(estimate->mean) : "-";
}

std::string percent_text(const std::optional<interval_estimate>& ratio, bool is_reference) {
    if (is_reference) return "100%";
    if (!ratio) return "-";
    if (!std::isfinite(ratio->high)) return fmt::format("{:.0f}%", ratio->mean * 100);
    return fmt::format("{:.0f}% {:.0f}..{:.0f}", ratio->mean * 100, ratio->low * 100, ratio->high * 100);
}

/// Formats the sum of voluntary and involuntary context switches.
std::string switches_text(const row& row) {
    const auto* voluntary = row.find("voluntary");
    const auto* involuntary = row.find("involuntary");
    return voluntary && involuntary ? format_scaled(voluntary->mean + involuntary->mean) : "-";
}

std::string served_text(int served, int connections) {
    return served >= connections ? "all" : fmt::format("{} of {}", served, connections);
}

std::string line_of(const row& row, const section& section) {
    const auto name = row.name.size() <= 11 ? row.name : row.name.substr(0, 10) + '~';
    const auto* left = row.left_cleanly ? "clean" : "no";
    if (!row.counts()) return fmt::format("{:<12}{}", name, "no valid round");
    return fmt::format(line_form, name, mean_text(row.find("rate")), interval_text_of(row.find("rate")),
                       percent_text(row.rate_ratio, row.name == section.reference),
                       mean_text(row.find("p50_ms")), mean_text(row.find("p99_ms")),
                       mean_text(row.find("cpu_us")), switches_text(row), mean_text(row.find("pss_mib")),
                       served_text(row.served, section.load.connections), left);
}

} // namespace

std::string interval_text(const interval_estimate& estimate) {
    if (estimate.values.size() < 2) return "one round";
    return fmt::format("{}..{}", format_scaled(estimate.low), format_scaled(estimate.high));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t indent) {
    const auto blanks = std::min(text.find_first_not_of(' '), text.size());
    std::istringstream all{std::string(blanks, ' ') +
                           wrap_text(text.substr(blanks), table_width, indent, blanks)};
    std::vector<std::string> lines;
    for (std::string line; std::getline(all, line);) lines.push_back(line);
    if (lines.empty()) lines.emplace_back();
    return lines;
}

std::vector<std::string> table_of(const section& section) {
    const auto* reference = section.reference.empty()                        ? ""
                            : section.reference == section.rows.front().name ? "of the best"
                                                                             : "of baseline";
    auto lines = wrapped(section.load.to_string());
    lines.push_back("");
    lines.push_back(fmt::format("{:<12}{:^34}{:>14}{:>14}{:>7}", "", "requests per second", "latency, ms",
                                "per request", "memory"));
    lines.push_back(fmt::format(line_form, "", "mean", "95% interval", reference, "p50", "p99", "CPU us",
                                "switch", "MiB", "served", "left"));
    for (const auto& row : section.rows) lines.push_back(line_of(row, section));
    const auto add = [&](const row& row, const std::vector<problem>& problems, const char* verdict) {
        for (const auto& [text, rounds] : problems) {
            const auto line = fmt::format("{}, {} {}: {}{}", row.name, rounds.size() == 1 ? "round" : "rounds",
                                          fmt::join(rounds, ", "), verdict, text);
            std::ranges::move(wrapped(line, 4), std::back_inserter(lines));
        }
    };
    for (const auto& row : section.rows) {
        add(row, row.problems, "");
        add(row, row.invalid, "not valid: ");
    }
    return lines;
}

} // namespace parley
