#include "client/compare/analysis/metrics.hpp"

#include "client/conversation/fairness.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

using metric_value = std::optional<double>;

/// Returns nullopt if `count` is 0.
metric_value per(double amount, std::uint64_t count) {
    if (count == 0) return std::nullopt;
    return amount / static_cast<double>(count);
}

metric_value cpu(const measurement& cell) {
    const auto& used = cell.server;
    const auto time =
        used.cpu_when_loaded.count() > 0 ? used.cpu_when_loaded - used.cpu_when_ready : used.user + used.system;
    return per(static_cast<double>(time.count()), used.requests);
}

/// Results of earlier versions have the PSS only.
long kib_of(const tree_memory& memory) { return memory.total_kib() > 0 ? memory.total_kib() : memory.pss_kib; }

/// Returns the memory that the connections added, per connection. Fewer than 10 connections add less than the
/// noise of the page tables.
metric_value memory_of_a_connection(const measurement& cell) {
    const auto added = kib_of(cell.server.memory) - kib_of(cell.server.at_rest);
    if (added <= 0 || cell.load.served < 10) return std::nullopt;
    return static_cast<double>(added) / cell.load.served;
}

metric_value fairness(const measurement& cell) {
    if (cell.workers.size() < 2) return std::nullopt;
    return fairness_of(cell.workers |
                       std::views::transform([](const auto& worker) { return worker.requests; }));
}

/// Returns a value that parley-load measured, or nullopt if parley-load calls the run not valid.
template <class Value>
metric_value valid(const measurement& cell, Value value) {
    if (!cell.load.invalid_reason.empty()) return std::nullopt;
    return value;
}

constexpr auto more = direction::higher_is_better, less = direction::lower_is_better;

const metric table[] = {
    {"rate", "requests per second", "/s", more,
     [](const measurement& cell) { return valid(cell, cell.load.rate); }},
    {"doubted_rate", "requests per second, not valid", "/s", more,
     [](const measurement& cell) -> metric_value {
         if (cell.load.invalid_reason.empty()) return std::nullopt;
         return cell.load.rate;
     }},
    {"p50_ms", "median latency", "ms", less,
     [](const measurement& cell) { return valid(cell, cell.load.p50_ms); }},
    {"p99_ms", "p99 latency", "ms", less,
     [](const measurement& cell) { return valid(cell, cell.load.p99_ms); }},
    {"cpu_us", "server CPU per request", "us", less, cpu},
    {"voluntary", "waits per request", "", less,
     [](const measurement& cell) {
         return per(static_cast<double>(cell.server.voluntary_switches), cell.server.requests);
     }},
    {"involuntary", "preemptions per request", "", less,
     [](const measurement& cell) {
         return per(static_cast<double>(cell.server.involuntary_switches), cell.server.requests);
     }},
    {"calls", "system calls per request", "", less,
     [](const measurement& cell) -> metric_value {
         if (!cell.server.calls) return std::nullopt;
         return per(static_cast<double>(*cell.server.calls), cell.server.requests_of_calls);
     }},
    {"faults", "page faults per request", "", less,
     [](const measurement& cell) {
         return per(static_cast<double>(cell.server.page_faults), cell.server.requests);
     }},
    {"faults_connection", "page faults per connection", "", less,
     [](const measurement& cell) {
         return per(static_cast<double>(cell.server.page_faults), cell.server.connections);
     }},
    {"pss_mib", "memory", "MiB", less,
     [](const measurement& cell) -> metric_value {
         return static_cast<double>(kib_of(cell.server.memory)) / 1024;
     }},
    {"pss_connection_kib", "memory per connection", "KiB", less, memory_of_a_connection},
    {"fairness", "fairness", "", more, fairness},
    {"lost", "lost updates per million requests", "", less,
     [](const measurement& cell) {
         return per(static_cast<double>(cell.load.lost_updates) * 1e6, cell.load.all_requests);
     }},
    {"load_cpu_us", "CPU of the load per request", "us", less,
     [](const measurement& cell) -> metric_value { return cell.load.cpu_us; }},
    {"start_ms", "start", "ms", less,
     [](const measurement& cell) -> metric_value { return in_ms(cell.start_time); }},
    {"stop_ms", "stop", "ms", less,
     [](const measurement& cell) -> metric_value { return in_ms(cell.stop_time); }},
};

} // namespace

std::span<const metric> metrics() { return table; }

const metric& metric_named(std::string_view key) {
    const auto found = std::ranges::find(table, key, &metric::key);
    if (found == std::end(table)) throw std::out_of_range(fmt::format("no metric '{}'", key));
    return *found;
}

std::string amount(double value, const metric& metric) {
    const auto number = format_scaled(value);
    if (metric.unit.empty()) return number;
    return fmt::format("{} {}", number, metric.unit == "/s" ? "per second" : metric.unit);
}

std::string titled_amount(double value, const metric& metric) {
    if (metric.unit.empty() || metric.unit == "/s")
        return fmt::format("{} {}", format_scaled(value), metric.title);
    return fmt::format("{} {} of {}", format_scaled(value), metric.unit, metric.title);
}

estimates estimates_of(const std::vector<const measurement*>& measurements) {
    estimates found;
    for (const auto& metric : table) {
        std::vector<double> values;
        std::vector<int> rounds;
        for (const auto* measurement : measurements)
            if (const auto value = metric.of(*measurement)) {
                values.push_back(*value);
                rounds.push_back(measurement->where.round);
            }
        if (!values.empty())
            found.emplace(metric.key, interval_estimate_of(std::move(values), std::move(rounds)));
    }
    return found;
}

} // namespace parley
