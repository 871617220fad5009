#include "client/load/repeated_runs.hpp"

#include "client/load/engine/percentiles.hpp"
#include "client/load/output/report.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace parley {

namespace {

std::string rate_text(double rate) { return format_count(static_cast<std::uint64_t>(std::llround(rate))); }

std::string ms_text(double ms) { return format_duration(std::chrono::nanoseconds{std::llround(ms * 1e6)}); }

/// Returns a line such as "rate, req/s   45,210 (95 %: 44,800 to 45,620)".
template <class Format>
std::string line_of(std::string_view name, const std::vector<double>& values, Format format) {
    if (values.empty()) return fmt::format("{:<12}  - (no valid run)\n", name);
    const auto sample = sample_of(values);
    const auto interval = confidence_interval(sample);
    return fmt::format(
        "{:<12}  {} ({})\n", name, format(sample.value.mean),
        interval ? fmt::format("95 %: {} to {}", format(std::max(0.0, interval->least)), format(interval->most))
                 : "too few valid runs for an interval");
}

nlohmann::ordered_json json_of_metric(const std::vector<double>& values) {
    if (values.empty()) return nullptr;
    const auto sample = sample_of(values);
    const auto interval = confidence_interval(sample);
    return {{"mean", sample.value.mean},
            {"standard_error", sample.value.standard_error},
            {"count", sample.count},
            {"least", interval ? nlohmann::ordered_json(interval->least) : nlohmann::ordered_json()},
            {"most", interval ? nlohmann::ordered_json(interval->most) : nlohmann::ordered_json()}};
}

} // namespace

std::string repeated_load::add(const load_options& options, const load_result& result) {
    const auto outcome = conclude(options, result);
    runs_.push_back(json_report(options, result, outcome));
    statuses_.push_back(outcome.exit_status());
    const auto number = statuses_.size();
    last_ = {};
    if (!outcome.complaints.empty())
        return fmt::format("run {:<3} FAILED: {}\n", number, outcome.complaints.front());
    if (!outcome.verdict.valid())
        return fmt::format("run {:<3} INVALID, not counted: {}\n", number,
                           outcome.verdict.reasons.front().text);
    last_.rate.push_back(result.rate());
    std::string line = fmt::format("run {:<3} {:>12} requests/s", number, rate_text(result.rate()));
    for (const auto& [percent, values] : {std::pair{50, &last_.p50_ms}, std::pair{99, &last_.p99_ms}}) {
        const auto time = settled_percentile(result.stats.latency, percent);
        if (time) values->push_back(in_ms(*time));
        line += fmt::format("   p{} {:>8}", percent, time ? format_duration(*time) : "-");
    }
    means_.add(last_);
    return line + (outcome.missed.empty() ? "\n" : fmt::format("   MISSED {}\n", outcome.missed.front().text));
}

std::string repeated_load::text_report(const std::vector<difference>& changes) const {
    auto text = fmt::format("{:<12}  {} of {} are valid\n", "runs", means_.rate.size(), statuses_.size());
    text += line_of("rate, req/s", means_.rate, rate_text);
    text += line_of("p50", means_.p50_ms, ms_text);
    text += line_of("p99", means_.p99_ms, ms_text);
    for (const auto& change : changes) text += fmt::format("{:<12}  {}\n", "baseline", to_string(change));
    return text;
}

nlohmann::ordered_json repeated_load::to_json(const std::vector<difference>& changes) const {
    return {{"schema", "parley-load-repeats/1"},
            {"figures",
             {{"rate", json_of_metric(means_.rate)},
              {"p50_ms", json_of_metric(means_.p50_ms)},
              {"p99_ms", json_of_metric(means_.p99_ms)}}},
            {"baseline", json_of(changes)},
            {"runs", runs_}};
}

void alternating_runs::add_pair() {
    for (const auto metric : interval_metrics::all) {
        const auto &own_values = own.last().*metric, &other_values = other.last().*metric;
        if (own_values.empty() || other_values.empty()) continue;
        (own_pairs_.*metric).push_back(own_values.front());
        (other_pairs_.*metric).push_back(other_values.front());
    }
}

int repeated_load::exit_status() const {
    for (const int worst : {1, 3, 4})
        if (std::ranges::find(statuses_, worst) != statuses_.end()) return worst;
    return 0;
}

} // namespace parley
