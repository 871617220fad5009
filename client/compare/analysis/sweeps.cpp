#include "client/compare/analysis/sweeps.hpp"

#include "client/compare/analysis/ranking.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <set>

namespace parley {

namespace {

double connections_of(const workload& load) { return load.connections; }

/// Returns the number in the last server option: 15 for "--workers 15".
double last_option_of(const workload& load) {
    double number = 0;
    if (!load.server_options.empty()) {
        const auto& option = load.server_options.back();
        std::from_chars(option.data(), option.data() + option.size(), number);
    }
    return number;
}

const sweep all_sweeps[] = {
    {"levels", "connections", "connections", {"rate", "p99_ms"}, connections_of},
    {"long-lived", "connections", "connections", {"rate", "p99_ms"}, connections_of},
    {"one-request", "connections", "connections", {"rate", "cpu_us"}, connections_of},
    {"sizes", "bytes", "bytes", {"rate", "cpu_us"}, [](auto& load) { return static_cast<double>(load.size); }},
    {"pool-sweep", "size of the pool", "workers", {"rate", "cpu_us"}, last_option_of},
    {"cores", "threads that work", "threads", {"rate", "p50_ms"}, last_option_of},
    {"work-sweep",
     "digits of pi",
     "digits",
     {"rate", "p99_ms"},
     [](auto& load) -> double { return load.digits; }},
    {"wait-sweep",
     "wait",
     "ms",
     {"rate", "cpu_us"},
     [](auto& load) { return static_cast<double>(load.wait.count()); }},
};

/// The points of one sweep: sections by their x.
using sweep_points = std::map<double, const section*>;

/// Splits the sections of a question by service and size. A plan of the user's own combines several of them,
/// and each combination is a sweep of its own.
std::map<std::string, sweep_points> split(const std::vector<section>& sections, const sweep& sweep) {
    std::map<std::string, sweep_points> parts;
    for (const auto& section : sections) {
        if (section.load.question != sweep.question) continue;
        auto service = section.load.service;
        const bool has_size = service != "pi" && service != "wait";
        if (has_size && sweep.axis != "bytes") service += fmt::format(", {} bytes", section.load.size);
        parts[service].emplace(sweep.x(section.load), &section);
    }
    return parts;
}

/// Returns the name of the significantly better of two servers, if it is the best of all or as good; else
/// nullptr.
const std::string* winner(const section& section, const metric& metric, const std::string& left,
                          const std::string& right) {
    const auto *left_row = section.ranked_row(left), *right_row = section.ranked_row(right);
    const auto* left_value = left_row ? left_row->find(metric.key) : nullptr;
    const auto* right_value = right_row ? right_row->find(metric.key) : nullptr;
    if (!left_value || !right_value || !differ(*left_value, *right_value)) return nullptr;
    const auto& better = (left_value->mean > right_value->mean) == metric.is_higher_better() ? left : right;
    const auto good = rank(section, metric).good();
    return std::ranges::find(good, better) != good.end() ? &better : nullptr;
}

std::vector<std::string> names_in(const sweep_points& points) {
    std::set<std::string> names;
    for (const auto& [x, section] : points)
        for (std::size_t i = 0; i != section->ranked; ++i) names.insert(section->rows[i].name);
    return {names.begin(), names.end()};
}

/// Adds the crossings of two servers to `found`. `crossing` has everything except their names and places.
void find_crossings(const sweep_points& points, const std::string& left, const std::string& right,
                    crossing crossing, std::vector<parley::crossing>& found) {
    for (const auto& [x, section] : points) {
        const auto* name = winner(*section, metric_named(crossing.metric), left, right);
        if (!name) continue;
        crossing.after = *name;
        crossing.to = x;
        if (!crossing.before.empty() && crossing.before != crossing.after) found.push_back(crossing);
        crossing.before = *name;
        crossing.from = x;
    }
}

} // namespace

std::span<const sweep> sweeps() { return all_sweeps; }

std::optional<double> x_of(const workload& load) {
    const auto found = std::ranges::find(all_sweeps, load.question, &sweep::question);
    if (found == std::end(all_sweeps)) return std::nullopt;
    return found->x(load);
}

std::vector<crossing> crossings_of(const std::vector<section>& sections) {
    std::vector<crossing> found;
    for (const auto& sweep : all_sweeps)
        for (const auto& [service, points] : split(sections, sweep)) {
            const auto names = names_in(points);
            for (const auto metric : sweep.metrics)
                for (auto left = names.begin(); left != names.end(); ++left)
                    for (auto right = left + 1; right != names.end(); ++right)
                        find_crossings(points, *left, *right, {sweep.question, service, sweep.axis, metric},
                                       found);
        }
    return found;
}

std::string to_string(const crossing& crossing) {
    return fmt::format("{}, {} by {}: {} is better up to {:g}, {} from {:g} on.", crossing.service,
                       metric_named(crossing.metric).title, crossing.axis, crossing.before, crossing.from,
                       crossing.after, crossing.to);
}

} // namespace parley
