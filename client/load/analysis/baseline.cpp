#include "client/load/analysis/baseline.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

// Two-sided quantiles of the normal distribution: 95 % for one metric, and 98.33 % for three metrics that are
// judged at once (Bonferroni).
constexpr double z_of_one = 1.959964;
constexpr double z_of_three = 2.393980;

/// Returns the quantile of Student's t by the Cornish-Fisher expansion around the quantile `z` of the normal
/// distribution. Its error is below 1 % from 5 degrees of freedom on.
double students_t(double degrees, double z) {
    const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

/// Returns the degrees of freedom by the Welch-Satterthwaite equation.
double welch_degrees(const sample& left, const sample& right) {
    const auto square = [](double value) { return value * value; };
    const double a = square(left.value.standard_error), b = square(right.value.standard_error);
    const double denominator =
        square(a) / static_cast<double>(left.count - 1) + square(b) / static_cast<double>(right.count - 1);
    return denominator > 0 ? square(a + b) / denominator : std::numeric_limits<double>::infinity();
}

/// Reads a metric of a report: of a series its runs, of a single run one observation.
sample sample_in(const nlohmann::json& report, const char* name) {
    const bool is_series = report.contains("runs");
    const auto& metric = report.at(is_series ? "figures" : "intervals").at(name);
    if (metric.is_null()) return {};
    return {{metric.at("mean"), metric.at("standard_error")},
            is_series ? metric.at("count").get<std::size_t>() : 1};
}

void judge(difference& difference, bool more_is_better) {
    using enum difference::judgement;
    difference.is_judged = true;
    if (difference.least > 0) difference.result = more_is_better ? better : worse;
    if (difference.most < 0) difference.result = more_is_better ? worse : better;
}

/// Returns why the figures of this report are not valid; empty if they are.
std::string invalid_reason(const nlohmann::json& report) {
    if (report.contains("runs"))
        return report.at("figures").at("rate").is_null() ? "none of its runs is valid" : "";
    if (!report.at("ok")) return "that run failed: " + report.at("complaints").at(0).get<std::string>();
    const auto& verdict = report.at("verdict");
    if (verdict.at("valid")) return "";
    return fmt::format("its figures are not valid ({})",
                       verdict.at("reasons").at(0).at("code").get<std::string>());
}

} // namespace

std::string_view to_string(difference::judgement judgement) {
    switch (judgement) {
    case difference::judgement::better: return "better";
    case difference::judgement::worse: return "worse";
    case difference::judgement::cannot_tell: return "cannot tell";
    }
    return "?";
}

sample sample_of(const std::vector<double>& values) { return {estimate_of(values), values.size()}; }

std::optional<range> confidence_interval(const sample& sample) {
    if (sample.count < 4) return std::nullopt;
    const double half_width =
        students_t(static_cast<double>(sample.count - 1), z_of_one) * sample.value.standard_error;
    return range{sample.value.mean - half_width, sample.value.mean + half_width};
}

difference compare(std::string name, const sample& before, const sample& now, bool more_is_better) {
    difference result{.name = std::move(name), .before = before.value.mean, .now = now.value.mean};
    if (before.count == 0 || now.count == 0 || before.value.mean <= 0) return result;
    const double change = now.value.mean - before.value.mean;
    result.least = result.most = change / before.value.mean;
    if (before.count < fewest_runs || now.count < fewest_runs) return result;
    const double half_width = students_t(welch_degrees(before, now), z_of_three) *
                              std::hypot(before.value.standard_error, now.value.standard_error);
    result.least = (change - half_width) / before.value.mean;
    result.most = (change + half_width) / before.value.mean;
    judge(result, more_is_better);
    return result;
}

difference compare_pairs(std::string name, const std::vector<double>& before, const std::vector<double>& now,
                         bool more_is_better) {
    auto result = compare(std::move(name), {estimate_of(before), std::min<std::size_t>(before.size(), 1)},
                          {estimate_of(now), std::min<std::size_t>(now.size(), 1)}, more_is_better);
    std::vector<double> log_ratios; // the mean of logarithms treats x2 and x0.5 alike
    for (std::size_t i = 0; i < std::min(before.size(), now.size()); ++i)
        if (before[i] > 0 && now[i] > 0) log_ratios.push_back(std::log(now[i] / before[i]));
    if (log_ratios.size() < fewest_runs) return result;
    const auto ratio = estimate_of(log_ratios);
    const double half_width =
        students_t(static_cast<double>(log_ratios.size() - 1), z_of_three) * ratio.standard_error;
    result.least = std::exp(ratio.mean - half_width) - 1;
    result.most = std::exp(ratio.mean + half_width) - 1;
    judge(result, more_is_better);
    return result;
}

std::vector<difference> compare_alternating(const interval_metrics& before, const interval_metrics& now) {
    return {compare_pairs("rate", before.rate, now.rate, true),
            compare_pairs("p50", before.p50_ms, now.p50_ms, false),
            compare_pairs("p99", before.p99_ms, now.p99_ms, false)};
}

std::string to_string(const difference& difference) {
    const auto text_of = [&](double value) {
        return difference.name == "rate" ? fmt::format("{:.0f}/s", value)
                                         : format_duration(std::chrono::nanoseconds{std::llround(value * 1e6)});
    };
    if (difference.before <= 0 || difference.now <= 0)
        return fmt::format("{:<5} too few valid runs", difference.name);
    const std::string_view judgement = difference.result == difference::judgement::cannot_tell
                                           ? "no significant difference"
                                           : to_string(difference.result);
    const auto change =
        difference.is_judged
            ? fmt::format("({:+.1f} % to {:+.1f} %): {}", 100 * difference.least, 100 * difference.most,
                          judgement)
            : fmt::format("({:+.1f} %): to test its significance, compare two series (--repeat {})",
                          100 * difference.least, fewest_runs);
    return fmt::format("{:<5} {} before, {} now {}", difference.name, text_of(difference.before),
                       text_of(difference.now), change);
}

void check_comparable(const nlohmann::json& earlier, const nlohmann::ordered_json& options) {
    try {
        if (const auto& schema = earlier.at("schema");
            schema != "parley-load/1" && schema != "parley-load-repeats/1")
            throw std::runtime_error(fmt::format("its schema {} is unknown", schema.dump()));
        if (const auto reason = invalid_reason(earlier); !reason.empty())
            throw std::runtime_error(reason + ": measure it again");
        const auto& before =
            earlier.contains("runs") ? earlier.at("runs").at(0).at("options") : earlier.at("options");
        for (const auto& [name, value] : options.items()) {
            if (name == "target" || name == "seed" || !before.contains(name)) continue;
            if (nlohmann::json(value) != before.at(name))
                throw std::runtime_error(
                    fmt::format("it was made with {} {}, and now it is {}: give the same options", name,
                                before.at(name).dump(), value.dump()));
        }
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(fmt::format("it is not a report of parley-load --json: {}", error.what()));
    }
}

std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_metrics& now,
                                     metrics_of source) {
    const auto sample_now = [&](const std::vector<double>& values) {
        auto sample = sample_of(values);
        // The intervals of a single run are one observation.
        if (source == metrics_of::run) sample.count = std::min<std::size_t>(sample.count, 1);
        return sample;
    };
    return {compare("rate", sample_in(earlier, "rate"), sample_now(now.rate), true),
            compare("p50", sample_in(earlier, "p50_ms"), sample_now(now.p50_ms), false),
            compare("p99", sample_in(earlier, "p99_ms"), sample_now(now.p99_ms), false)};
}

const std::array<std::vector<double> interval_metrics::*, 3> interval_metrics::all{
    &interval_metrics::rate, &interval_metrics::p50_ms, &interval_metrics::p99_ms};

void interval_metrics::add(const interval_metrics& other) {
    for (const auto metric : all)
        (this->*metric).insert((this->*metric).end(), (other.*metric).begin(), (other.*metric).end());
}

void interval_metrics::note(const interval& interval, std::chrono::nanoseconds length) {
    if (interval.length < length / 2) return;
    rate.push_back(static_cast<double>(interval.latency.count()) / in_seconds(interval.length));
    if (const auto time = settled_percentile(interval.latency, 50)) p50_ms.push_back(in_ms(*time));
    if (const auto time = settled_percentile(interval.latency, 99)) p99_ms.push_back(in_ms(*time));
}

} // namespace parley
