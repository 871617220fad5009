#include "client/compare/analysis/metrics.hpp"

#include "client/conversation/fairness.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

using number = std::optional<double>;

number per(double amount, std::uint64_t of) {
    if (of == 0) return std::nullopt;
    return amount / static_cast<double>(of);
}

number cpu(const measurement& one) {
    const auto& used = one.server;
    const auto time =
        used.cpu_when_loaded.count() > 0 ? used.cpu_when_loaded - used.cpu_when_ready : used.user + used.system;
    return per(static_cast<double>(time.count()), used.requests);
}

/// Results of an earlier version know the PSS alone.
long kib_of(const tree_memory& one) { return one.total_kib() > 0 ? one.total_kib() : one.pss_kib; }

/// What the connections added to the memory that the server had before there were any.
number memory_of_a_connection(const measurement& one) {
    const auto added = kib_of(one.server.memory) - kib_of(one.server.at_rest);
    if (added <= 0 || one.load.served < 10) return std::nullopt;
    return static_cast<double>(added) / one.load.served;
}

number fairness(const measurement& one) {
    if (one.workers.size() < 2) return std::nullopt;
    return fairness_of(one.workers | std::views::transform([](const auto& each) { return each.requests; }));
}

/// What the load itself has measured, where its verdict lets that count.
template <class Value>
number valid(const measurement& one, Value value) {
    if (!one.load.doubt.empty()) return std::nullopt;
    return value;
}

constexpr auto more = best::highest, less = best::lowest;

const metric table[] = {
    {"rate", "requests per second", "/s", more,
     [](const measurement& one) { return valid(one, one.load.rate); }},
    {"doubted_rate", "requests per second, not valid", "/s", more,
     [](const measurement& one) -> number {
         if (one.load.doubt.empty()) return std::nullopt;
         return one.load.rate;
     }},
    {"p50_ms", "median latency", "ms", less,
     [](const measurement& one) { return valid(one, one.load.p50_ms); }},
    {"p99_ms", "p99 latency", "ms", less, [](const measurement& one) { return valid(one, one.load.p99_ms); }},
    {"cpu_us", "server CPU per request", "us", less, cpu},
    {"voluntary", "waits per request", "", less,
     [](const measurement& one) {
         return per(static_cast<double>(one.server.voluntary_switches), one.server.requests);
     }},
    {"involuntary", "preemptions per request", "", less,
     [](const measurement& one) {
         return per(static_cast<double>(one.server.involuntary_switches), one.server.requests);
     }},
    {"calls", "system calls per request", "", less,
     [](const measurement& one) -> number {
         if (!one.server.calls) return std::nullopt;
         return per(static_cast<double>(*one.server.calls), one.server.requests_of_calls);
     }},
    {"faults", "page faults per request", "", less,
     [](const measurement& one) {
         return per(static_cast<double>(one.server.page_faults), one.server.requests);
     }},
    {"faults_connection", "page faults per connection", "", less,
     [](const measurement& one) {
         return per(static_cast<double>(one.server.page_faults), one.server.connections);
     }},
    {"pss_mib", "memory", "MiB", less,
     [](const measurement& one) -> number { return static_cast<double>(kib_of(one.server.memory)) / 1024; }},
    {"pss_connection_kib", "memory per connection", "KiB", less, memory_of_a_connection},
    {"fairness", "fairness", "", more, fairness},
    {"lost", "lost updates per million requests", "", less,
     [](const measurement& one) {
         return per(static_cast<double>(one.load.lost_updates) * 1e6, one.load.all_requests);
     }},
    {"load_cpu_us", "CPU of the load per request", "us", less,
     [](const measurement& one) -> number { return one.load.cpu_us; }},
    {"start_ms", "start", "ms", less, [](const measurement& one) -> number { return in_ms(one.start_time); }},
    {"stop_ms", "stop", "ms", less, [](const measurement& one) -> number { return in_ms(one.stop_time); }},
};

} // namespace

std::span<const metric> metrics() { return table; }

const metric& metric_named(std::string_view key) {
    const auto found = std::ranges::find(table, key, &metric::key);
    if (found == std::end(table)) throw std::out_of_range(fmt::format("no figure '{}'", key));
    return *found;
}

estimates estimates_of(const std::vector<const measurement*>& measurements) {
    estimates all;
    for (const auto& each : table) {
        std::vector<double> values;
        std::vector<int> rounds;
        for (const auto* one : measurements)
            if (const auto value = each.of(*one)) {
                values.push_back(*value);
                rounds.push_back(one->where.round);
            }
        if (!values.empty()) all.emplace(each.key, interval_estimate_of(std::move(values), std::move(rounds)));
    }
    return all;
}

} // namespace parley
