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

/// Of "--workers", "15".
double last_option_of(const workload& load) {
    double number = 0;
    if (!load.server_options.empty()) {
        const auto& word = load.server_options.back();
        std::from_chars(word.data(), word.data() + word.size(), number);
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

/// The points of one curve each: sections by their place.
using points = std::map<double, const section*>;

/// The workloads of a question differ in more than one number where a user has asked for a product: a sweep for
/// each service and size.
std::map<std::string, points> split(const std::vector<section>& all, const sweep& over) {
    std::map<std::string, points> parts;
    for (const auto& each : all) {
        if (each.load.question != over.question) continue;
        auto asked = each.load.service;
        const bool has_size = asked != "pi" && asked != "wait";
        if (has_size && over.axis != "bytes") asked += fmt::format(", {} bytes", each.load.size);
        parts[asked].emplace(over.place(each.load), &each);
    }
    return parts;
}

/// The one of two that is shown to be better at one place, and is the best of all there or shown to be as good;
/// nullptr if there is none.
const std::string* winner(const section& at, const metric& by, const std::string& one,
                          const std::string& other) {
    const auto *first = at.ranked_row(one), *second = at.ranked_row(other);
    const auto* mine = first ? first->find(by.key) : nullptr;
    const auto* theirs = second ? second->find(by.key) : nullptr;
    if (!mine || !theirs || !differ(*mine, *theirs)) return nullptr;
    const auto& better = (mine->mean > theirs->mean) == (by.better == best::highest) ? one : other;
    const auto good = rank(at, by).good();
    return std::ranges::find(good, better) != good.end() ? &better : nullptr;
}

std::vector<std::string> names_in(const points& curve) {
    std::set<std::string> names;
    for (const auto& [place, at] : curve)
        for (std::size_t i = 0; i != at->ranked; ++i) names.insert(at->rows[i].name);
    return {names.begin(), names.end()};
}

/// Adds to `found` where the curves of two cross; `like` has all but their names and places.
void cross(const points& curve, const std::string& one, const std::string& other, crossing like,
           std::vector<crossing>& found) {
    for (const auto& [place, at] : curve) {
        const auto* now = winner(*at, metric_named(like.metric), one, other);
        if (!now) continue;
        like.after = *now;
        like.to = place;
        if (!like.before.empty() && like.before != like.after) found.push_back(like);
        like.before = *now;
        like.from = place;
    }
}

} // namespace

std::span<const sweep> sweeps() { return all_sweeps; }

std::optional<double> place_of(const workload& load) {
    const auto found = std::ranges::find(all_sweeps, load.question, &sweep::question);
    if (found == std::end(all_sweeps)) return std::nullopt;
    return found->place(load);
}

std::vector<crossing> crossings_of(const std::vector<section>& all) {
    std::vector<crossing> found;
    for (const auto& over : all_sweeps)
        for (const auto& [service, curve] : split(all, over)) {
            const auto names = names_in(curve);
            for (const auto metric : over.metrics)
                for (auto one = names.begin(); one != names.end(); ++one)
                    for (auto other = one + 1; other != names.end(); ++other)
                        cross(curve, *one, *other, {over.question, service, over.axis, metric}, found);
        }
    return found;
}

std::string to_string(const crossing& one) {
    return fmt::format("{}, {} by {}: {} is better up to {:g}, {} from {:g} on.", one.service,
                       metric_named(one.metric).title, one.axis, one.before, one.from, one.after, one.to);
}

} // namespace parley
