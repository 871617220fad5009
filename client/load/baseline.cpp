#include "client/load/baseline.hpp"

#include "client/load/percentiles.hpp"
#include "common/duration.hpp"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

/// Student's t for a two-sided 95 %, by Cornish and Fisher's expansion round the normal distribution's (within
/// 1 % from 3 degrees of freedom on).
double students_t(double degrees) {
    constexpr double z = 1.959964;
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

/// Of a run's report its intervals, of a series' report its runs.
sample sample_in(const nlohmann::json& report, const char* name) {
    const auto& one = report.at(report.contains("runs") ? "figures" : "intervals").at(name);
    if (one.is_null()) return {};
    return {{one.at("mean"), one.at("standard_error")}, one.at("count")};
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
    const double either_side = students_t(static_cast<double>(one.count - 1)) * one.value.standard_error;
    return range{one.value.mean - either_side, one.value.mean + either_side};
}

difference compare(std::string name, const sample& before, const sample& now, bool more_is_better) {
    constexpr std::size_t fewest = 3;
    difference result{.name = std::move(name), .before = before.value.mean, .now = now.value.mean};
    if (before.count < fewest || now.count < fewest || before.value.mean <= 0) return result;
    const double change = now.value.mean - before.value.mean;
    const double either_side = students_t(welch_degrees(before, now)) *
                               std::hypot(before.value.standard_error, now.value.standard_error);
    result.least = (change - either_side) / before.value.mean;
    result.most = (change + either_side) / before.value.mean;
    if (result.least > 0)
        result.said = more_is_better ? difference::judgement::better : difference::judgement::worse;
    if (result.most < 0)
        result.said = more_is_better ? difference::judgement::worse : difference::judgement::better;
    return result;
}

std::string in_words(const difference& each) {
    const auto figure = [&](double value) {
        return each.name == "rate" ? fmt::format("{:.0f}/s", value)
                                   : in_words(std::chrono::nanoseconds{std::llround(value * 1e6)});
    };
    const auto change = each.said == difference::judgement::cannot_tell && each.least == 0 && each.most == 0
                            ? std::string{"too few to tell"}
                            : fmt::format("{:+.1f} % to {:+.1f} %", 100 * each.least, 100 * each.most);
    return fmt::format("{:<5} {} before, {} now ({}): {}", each.name, figure(each.before), figure(each.now),
                       change, to_string(each.said));
}

std::vector<difference> compare_with(const nlohmann::json& earlier, const interval_figures& now) {
    try {
        if (const auto& schema = earlier.at("schema");
            schema != "parley-load/1" && schema != "parley-load-repeats/1")
            throw std::runtime_error(fmt::format("it has the unknown form {}", schema.dump()));
        return {compare("rate", sample_in(earlier, "rate"), sample_of(now.rate), true),
                compare("p50", sample_in(earlier, "p50_ms"), sample_of(now.p50_ms), false),
                compare("p99", sample_in(earlier, "p99_ms"), sample_of(now.p99_ms), false)};
    } catch (const nlohmann::json::exception& reason) {
        throw std::runtime_error(fmt::format("it is no report of parley-load --json: {}", reason.what()));
    }
}

void interval_figures::note(const interval& one, std::chrono::nanoseconds length) {
    if (one.length < length / 2) return;
    rate.push_back(static_cast<double>(one.latency.count()) / in_seconds(one.length));
    if (const auto time = settled_percentile(one.latency, 50)) p50_ms.push_back(in_ms(*time));
    if (const auto time = settled_percentile(one.latency, 99)) p99_ms.push_back(in_ms(*time));
}

} // namespace parley
