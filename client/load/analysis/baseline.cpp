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

constexpr double z_of_one = 1.959964;   // the normal distribution's two-sided 95 % ...
constexpr double z_of_three = 2.393980; // ... and 98.33 %: three figures are judged at once (Bonferroni)

/// Student's t, by Cornish and Fisher's expansion round the normal distribution's `z` (within 1 % from 5
/// degrees of freedom on).
double students_t(double degrees, double z) {
    const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

double welch_degrees(const sample& one, const sample& other) {
    const auto square = [](double value) { return value * value; };
    const double a = square(one.value.standard_error), b = square(other.value.standard_error);
    const double below =
        square(a) / static_cast<double>(one.count - 1) + square(b) / static_cast<double>(other.count - 1);
    return below > 0 ? square(a + b) / below : std::numeric_limits<double>::infinity();
}

/// Of a series' report its runs; a single run is one observation.
sample sample_in(const nlohmann::json& report, const char* name) {
    const bool is_series = report.contains("runs");
    const auto& one = report.at(is_series ? "figures" : "intervals").at(name);
    if (one.is_null()) return {};
    return {{one.at("mean"), one.at("standard_error")}, is_series ? one.at("count").get<std::size_t>() : 1};
}

void judge(difference& result, bool more_is_better) {
    result.is_judged = true;
    if (result.least > 0)
        result.said = more_is_better ? difference::judgement::better : difference::judgement::worse;
    if (result.most < 0)
        result.said = more_is_better ? difference::judgement::worse : difference::judgement::better;
}

/// Why the figures of this report tell nothing; empty: they do.
std::string fault_of(const nlohmann::json& report) {
    if (report.contains("runs"))
        return report.at("figures").at("rate").is_null() ? "none of its runs counts" : "";
    if (!report.at("ok")) return "that run has failed: " + report.at("complaints").at(0).get<std::string>();
    const auto& verdict = report.at("verdict");
    if (verdict.at("valid")) return "";
    return fmt::format("its figures are not valid ({})",
                       verdict.at("reasons").at(0).at("code").get<std::string>());
}

} // namespace

std::string_view to_string(difference::judgement said) {
    switch (said) {
    case difference::judgement::better: return "better";
    case difference::judgement::worse: return "worse";
    case difference::judgement::cannot_tell: return "cannot tell";
    }
    return "?";
}

sample sample_of(const std::vector<double>& values) { return {estimate_of(values), values.size()}; }

std::optional<range> confidence_interval(const sample& one) {
    if (one.count < 4) return std::nullopt;
    const double either_side =
        students_t(static_cast<double>(one.count - 1), z_of_one) * one.value.standard_error;
    return range{one.value.mean - either_side, one.value.mean + either_side};
}

difference compare(std::string name, const sample& before, const sample& now, bool more_is_better) {
    difference result{.name = std::move(name), .before = before.value.mean, .now = now.value.mean};
    if (before.count == 0 || now.count == 0 || before.value.mean <= 0) return result;
    const double change = now.value.mean - before.value.mean;
    result.least = result.most = change / before.value.mean;
    if (before.count < fewest_runs || now.count < fewest_runs) return result;
    const double either_side = students_t(welch_degrees(before, now), z_of_three) *
                               std::hypot(before.value.standard_error, now.value.standard_error);
    result.least = (change - either_side) / before.value.mean;
    result.most = (change + either_side) / before.value.mean;
    judge(result, more_is_better);
    return result;
}

difference compare_pairs(std::string name, const std::vector<double>& before, const std::vector<double>& now,
                         bool more_is_better) {
    auto result = compare(std::move(name), {estimate_of(before), std::min<std::size_t>(before.size(), 1)},
                          {estimate_of(now), std::min<std::size_t>(now.size(), 1)}, more_is_better);
    std::vector<double> ratios; // their logarithms
    for (std::size_t each = 0; each < std::min(before.size(), now.size()); ++each)
        if (before[each] > 0 && now[each] > 0) ratios.push_back(std::log(now[each] / before[each]));
    if (ratios.size() < fewest_runs) return result;
    const auto ratio = estimate_of(ratios);
    const double either_side =
        students_t(static_cast<double>(ratios.size() - 1), z_of_three) * ratio.standard_error;
    result.least = std::exp(ratio.mean - either_side) - 1;
    result.most = std::exp(ratio.mean + either_side) - 1;
    judge(result, more_is_better);
    return result;
}

std::vector<difference> compare_in_turns(const interval_metrics& before, const interval_metrics& now) {
    return {compare_pairs("rate", before.rate, now.rate, true),
            compare_pairs("p50", before.p50_ms, now.p50_ms, false),
            compare_pairs("p99", before.p99_ms, now.p99_ms, false)};
}

std::string to_string(const difference& each) {
    const auto figure = [&](double value) {
        return each.name == "rate" ? fmt::format("{:.0f}/s", value)
                                   : format_duration(std::chrono::nanoseconds{std::llround(value * 1e6)});
    };
    if (each.before <= 0 || each.now <= 0) return fmt::format("{:<5} too few runs count", each.name);
    const auto change = each.is_judged
                            ? fmt::format("({:+.1f} % to {:+.1f} %): {}", 100 * each.least, 100 * each.most,
                                          to_string(each.said))
                            : fmt::format("({:+.1f} %): to judge it, compare two series (--repeat {})",
                                          100 * each.least, fewest_runs);
    return fmt::format("{:<5} {} before, {} now {}", each.name, figure(each.before), figure(each.now), change);
}

void check_comparable(const nlohmann::json& earlier, const nlohmann::ordered_json& options) {
    try {
        if (const auto& schema = earlier.at("schema");
            schema != "parley-load/1" && schema != "parley-load-repeats/1")
            throw std::runtime_error(fmt::format("it has the unknown form {}", schema.dump()));
        if (const auto fault = fault_of(earlier); !fault.empty())
            throw std::runtime_error(fault + ": measure it again");
        const auto& before =
            earlier.contains("runs") ? earlier.at("runs").at(0).at("options") : earlier.at("options");
        for (const auto& [name, value] : options.items()) {
            if (name == "target" || name == "seed" || !before.contains(name)) continue;
            if (nlohmann::json(value) != before.at(name))
                throw std::runtime_error(
                    fmt::format("it was made with {} {}, and now it is {}: give the same options", name,
                                before.at(name).dump(), value.dump()));
        }
    } catch (const nlohmann::json::exception& reason) {
        throw std::runtime_error(fmt::format("it is no report of parley-load --json: {}", reason.what()));
    }
}

std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_metrics& now,
                                     figures_are kind) {
    const auto sample_now = [&](const std::vector<double>& values) {
        auto one = sample_of(values);
        if (kind == figures_are::of_a_run) one.count = std::min<std::size_t>(one.count, 1);
        return one;
    };
    return {compare("rate", sample_in(earlier, "rate"), sample_now(now.rate), true),
            compare("p50", sample_in(earlier, "p50_ms"), sample_now(now.p50_ms), false),
            compare("p99", sample_in(earlier, "p99_ms"), sample_now(now.p99_ms), false)};
}

const std::array<std::vector<double> interval_metrics::*, 3> interval_metrics::all{
    &interval_metrics::rate, &interval_metrics::p50_ms, &interval_metrics::p99_ms};

void interval_metrics::add(const interval_metrics& other) {
    for (const auto figure : all)
        (this->*figure).insert((this->*figure).end(), (other.*figure).begin(), (other.*figure).end());
}

void interval_metrics::note(const interval& one, std::chrono::nanoseconds length) {
    if (one.length < length / 2) return;
    rate.push_back(static_cast<double>(one.latency.count()) / in_seconds(one.length));
    if (const auto time = settled_percentile(one.latency, 50)) p50_ms.push_back(in_ms(*time));
    if (const auto time = settled_percentile(one.latency, 99)) p99_ms.push_back(in_ms(*time));
}

} // namespace parley
