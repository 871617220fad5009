#include "client/compare/analysis/statistics.hpp"

#include "common/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <stdexcept>
#include <tuple>

namespace parley {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double density(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); }
double below(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

/// Integrates by Simpson's rule; `steps` is even.
template <class Function>
double integral(Function function, double from, double to, int steps) {
    const double width = (to - from) / steps;
    double sum = function(from) + function(to);
    for (int step = 1; step < steps; ++step) sum += function(from + step * width) * (step % 2 == 1 ? 4 : 2);
    return sum * width / 3;
}

/// Returns the probability that the range of `groups` standard normal values is at most `range`.
double range_below(double range, std::size_t groups) {
    constexpr double far = 8; // beyond 8 standard deviations the density is below 1e-14
    const auto at = [&](double z) {
        return density(z) * std::pow(below(z) - below(z - range), static_cast<double>(groups - 1));
    };
    return static_cast<double>(groups) * integral(at, -far, far, 120); // 120 steps: four digits
}

/// Returns the mean of `function(s)` over s, an estimated standard deviation with `freedom` degrees of freedom,
/// in units of the true one: a scaled chi distribution.
template <class Function>
double mean_over_estimates(Function function, double freedom) {
    const double half = freedom / 2;
    const double scale = std::log(2) + half * std::log(half) - std::lgamma(half);
    const auto at = [&](double s) {
        return std::exp(scale + (freedom - 1) * std::log(std::max(s, 1e-9)) - half * s * s) * function(s);
    };
    const double spread = 8 / std::sqrt(2 * freedom); // 8 standard deviations of s
    // With few degrees of freedom the density is skewed and needs more steps.
    return integral(at, std::max(0.0, 1 - spread), 1 + spread, freedom < 5 ? 400 : 80);
}

/// Returns the positive argument at which an increasing function reaches `goal`, by bisection.
template <class Function>
double solve(Function function, double goal) {
    double low = 0, high = 1;
    while (function(high) < goal && high < 1e9) high *= 2;
    for (int i = 0; i != 24; ++i) { // 2^-24 of the interval: seven digits
        const double middle = (low + high) / 2;
        (function(middle) < goal ? low : high) = middle;
    }
    return (low + high) / 2;
}

/// Returns the two-sided quantile of Student's t: half the interval of a mean, in standard errors. The range of
/// two means is their difference, so it follows from the studentised range.
double student(double freedom) { return studentised_range(alpha, 2, freedom) / std::numbers::sqrt2; }

std::vector<double> logs_of(const std::vector<double>& values) {
    std::vector<double> logs;
    for (const auto value : values) logs.push_back(std::log(value));
    return logs;
}

bool has_logs(const std::vector<double>& values) {
    return std::ranges::all_of(values, [](double value) { return value > 0; });
}

interval_estimate ratio_from(double log_ratio, double half) {
    return {std::exp(log_ratio), std::exp(log_ratio - half), std::exp(log_ratio + half), {}, {}, {}};
}

int round_of(const interval_estimate& server, std::size_t index) {
    return server.rounds.empty() ? static_cast<int>(index) + 1 : server.rounds[index];
}

} // namespace

double studentised_range(double tail, std::size_t groups, double freedom) {
    // Cached: a report needs the same few values many times.
    thread_local std::map<std::tuple<double, std::size_t, double>, double> cache;
    const auto [entry, is_new] = cache.try_emplace({tail, groups, freedom});
    if (is_new)
        entry->second = solve(
            [&](double q) {
                return mean_over_estimates([&](double s) { return range_below(q * s, groups); }, freedom);
            },
            1 - tail);
    return entry->second;
}

double median_of(std::vector<double> values) {
    if (values.empty()) throw std::invalid_argument("no values: a median needs at least one");
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

interval_estimate interval_estimate_of(std::vector<double> values, std::vector<int> rounds) {
    if (values.empty()) throw std::invalid_argument("no values: a mean needs at least one");
    const bool is_log = has_logs(values);
    const auto [mean, standard_error] = estimate_of(is_log ? logs_of(values) : values);
    const auto back = [&](double value) { return is_log ? std::exp(value) : value; };
    interval_estimate result{back(mean), 0, infinity, values, std::move(rounds), {}};
    if (values.size() < 2) return result;
    const double half = student(static_cast<double>(values.size()) - 1) * standard_error;
    result.low = back(mean - half);
    result.high = back(mean + half);
    return result;
}

void fit_block(std::span<interval_estimate* const> servers, std::size_t block) {
    std::map<int, double> rounds; // effect of each round
    std::size_t count = 0;
    for (const auto* server : servers) {
        if (!has_logs(server->values)) return;
        for (std::size_t i = 0; i != server->values.size(); ++i) rounds[round_of(*server, i)] = 0;
        count += server->values.size();
    }
    // Least squares of the additive model by alternating fits of servers and rounds. This also works if rounds
    // are missing, for which the simple means would be biased.
    std::vector<double> means(servers.size());
    double change = infinity;
    for (int pass = 0; change > 1e-12 && pass != 1000; ++pass) {
        change = 0;
        for (std::size_t server = 0; server != servers.size(); ++server) {
            double sum = 0;
            for (std::size_t i = 0; i != servers[server]->values.size(); ++i)
                sum += std::log(servers[server]->values[i]) - rounds[round_of(*servers[server], i)];
            const double mean = sum / static_cast<double>(servers[server]->values.size());
            change = std::max(change, std::abs(mean - means[server]));
            means[server] = mean;
        }
        std::map<int, std::pair<double, int>> sums;
        for (std::size_t server = 0; server != servers.size(); ++server)
            for (std::size_t i = 0; i != servers[server]->values.size(); ++i) {
                auto& [sum, terms] = sums[round_of(*servers[server], i)];
                sum += std::log(servers[server]->values[i]) - means[server];
                ++terms;
            }
        double sum = 0;
        for (auto& [round, effect] : rounds) sum += effect = sums[round].first / sums[round].second;
        for (auto& [round, effect] : rounds) effect -= sum / static_cast<double>(rounds.size());
    }
    double squares = 0;
    for (std::size_t server = 0; server != servers.size(); ++server)
        for (std::size_t i = 0; i != servers[server]->values.size(); ++i) {
            const double residual =
                std::log(servers[server]->values[i]) - means[server] - rounds[round_of(*servers[server], i)];
            squares += residual * residual;
        }
    const auto freedom = static_cast<double>(count) - static_cast<double>(servers.size() + rounds.size()) + 1;
    for (std::size_t server = 0; server != servers.size(); ++server)
        servers[server]->fit = {block, servers.size(), means[server],
                                freedom > 0 ? std::sqrt(squares / freedom) : 0, std::max(freedom, 0.0)};
}

interval_estimate ratio_of(const interval_estimate& numerator, const interval_estimate& denominator) {
    const auto &upper = numerator.fit, &lower = denominator.fit;
    if (upper.block == 0 || upper.block != lower.block) return ratio_between_runs(numerator, denominator);
    const double difference = upper.log_mean - lower.log_mean;
    if (upper.freedom <= 0) return ratio_from(difference, infinity);
    const double error = upper.residual * std::sqrt(1.0 / static_cast<double>(numerator.values.size()) +
                                                    1.0 / static_cast<double>(denominator.values.size()));
    const double range = studentised_range(alpha, upper.servers, upper.freedom);
    return ratio_from(difference, range / std::numbers::sqrt2 * error);
}

interval_estimate ratio_between_runs(const interval_estimate& numerator, const interval_estimate& denominator) {
    if (!has_logs(numerator.values) || !has_logs(denominator.values))
        return {denominator.mean == 0 ? infinity : numerator.mean / denominator.mean, 0, infinity, {}, {}, {}};
    const auto upper = estimate_of(logs_of(numerator.values)), lower = estimate_of(logs_of(denominator.values));
    const double difference = upper.mean - lower.mean;
    if (numerator.values.size() < 2 || denominator.values.size() < 2) return ratio_from(difference, infinity);
    const double first = upper.standard_error * upper.standard_error;
    const double second = lower.standard_error * lower.standard_error;
    if (first + second == 0) return ratio_from(difference, 0);
    // Welch-Satterthwaite. Rounded to a tenth, so that the cache of studentised_range() stays small.
    const double freedom = (first + second) * (first + second) /
                           (first * first / static_cast<double>(numerator.values.size() - 1) +
                            second * second / static_cast<double>(denominator.values.size() - 1));
    return ratio_from(difference, student(std::round(freedom * 10) / 10) * std::sqrt(first + second));
}

bool differ(const interval_estimate& left, const interval_estimate& right) {
    const auto times = ratio_of(left, right);
    return times.low > 1 || times.high < 1;
}

double minimum_detectable_effect(double residual, std::size_t rounds, std::size_t servers) {
    if (rounds < 2 || servers < 2) return infinity;
    const auto freedom = static_cast<double>((servers - 1) * (rounds - 1));
    const double range = studentised_range(alpha, servers, freedom);
    const auto power = [&](double errors) { // for a difference of `errors` standard errors
        return mean_over_estimates([&](double s) { return below(errors - range / std::numbers::sqrt2 * s); },
                                   freedom);
    };
    return std::exp(solve(power, 0.9) * residual * std::sqrt(2.0 / static_cast<double>(rounds))) - 1;
}

std::size_t rounds_needed(double difference, double residual, std::size_t servers) {
    std::size_t too_few = 1, enough = 1000;
    while (enough - too_few > 1) {
        const auto middle = (too_few + enough) / 2;
        (minimum_detectable_effect(residual, middle, servers) > difference ? too_few : enough) = middle;
    }
    return enough;
}

} // namespace parley
