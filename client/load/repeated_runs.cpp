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

/// "rate     45,210 requests/s (44,800 to 45,620)"
template <class Words>
std::string line_of(std::string_view name, const std::vector<double>& values, Words words) {
    if (values.empty()) return fmt::format("{:<12}  - (no run counts)\n", name);
    const auto one = sample_of(values);
    const auto sure = confidence_interval(one);
    return fmt::format("{:<12}  {} ({})\n", name, words(one.value.mean),
                       sure
                           ? fmt::format("95 %: {} to {}", words(std::max(0.0, sure->least)), words(sure->most))
                           : "too few runs for an interval");
}

nlohmann::ordered_json json_of_figure(const std::vector<double>& values) {
    if (values.empty()) return nullptr;
    const auto one = sample_of(values);
    const auto sure = confidence_interval(one);
    return {{"mean", one.value.mean},
            {"standard_error", one.value.standard_error},
            {"count", one.count},
            {"least", sure ? nlohmann::ordered_json(sure->least) : nlohmann::ordered_json()},
            {"most", sure ? nlohmann::ordered_json(sure->most) : nlohmann::ordered_json()}};
}

} // namespace

std::string repeated_load::add(const load_options& options, const load_result& result) {
    const auto said = conclude(options, result);
    runs_.push_back(json_report(options, result, said));
    statuses_.push_back(said.exit_status());
    const auto number = statuses_.size();
    last_ = {};
    if (!said.complaints.empty()) return fmt::format("run {:<3} FAILED: {}\n", number, said.complaints.front());
    if (!said.said.valid())
        return fmt::format("run {:<3} INVALID, not counted: {}\n", number, said.said.reasons.front().text);
    last_.rate.push_back(result.rate());
    std::string line = fmt::format("run {:<3} {:>12} requests/s", number, rate_text(result.rate()));
    for (const auto& [percent, into] : {std::pair{50, &last_.p50_ms}, std::pair{99, &last_.p99_ms}}) {
        const auto time = settled_percentile(result.stats.latency, percent);
        if (time) into->push_back(in_ms(*time));
        line += fmt::format("   p{} {:>8}", percent, time ? format_duration(*time) : "-");
    }
    figures_.add(last_);
    return line + (said.missed.empty() ? "\n" : fmt::format("   MISSED {}\n", said.missed.front().text));
}

std::string repeated_load::text_report(const std::vector<difference>& changes) const {
    auto text = fmt::format("{:<12}  {} of {} count\n", "runs", figures_.rate.size(), statuses_.size());
    text += line_of("rate, req/s", figures_.rate, rate_text);
    text += line_of("p50", figures_.p50_ms, ms_text);
    text += line_of("p99", figures_.p99_ms, ms_text);
    for (const auto& each : changes) text += fmt::format("{:<12}  {}\n", "baseline", to_string(each));
    return text;
}

nlohmann::ordered_json repeated_load::to_json(const std::vector<difference>& changes) const {
    return {{"schema", "parley-load-repeats/1"},
            {"figures",
             {{"rate", json_of_figure(figures_.rate)},
              {"p50_ms", json_of_figure(figures_.p50_ms)},
              {"p99_ms", json_of_figure(figures_.p99_ms)}}},
            {"baseline", json_of(changes)},
            {"runs", runs_}};
}

void loads_in_turns::pair() {
    for (const auto figure : interval_metrics::all) {
        const auto &mine = own.last().*figure, &its = other.last().*figure;
        if (mine.empty() || its.empty()) continue;
        (owns_.*figure).push_back(mine.front());
        (others_.*figure).push_back(its.front());
    }
}

int repeated_load::exit_status() const {
    for (const int worst : {1, 3, 4})
        if (std::ranges::find(statuses_, worst) != statuses_.end()) return worst;
    return 0;
}

} // namespace parley
