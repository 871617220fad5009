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

/// Simpson's rule.
template <class Function>
double integral(Function function, double from, double to, int steps) {
    const double width = (to - from) / steps;
    double sum = function(from) + function(to);
    for (int step = 1; step < steps; ++step) sum += function(from + step * width) * (step % 2 == 1 ? 4 : 2);
    return sum * width / 3;
}

/// The probability that the range of `groups` values of a standard normal distribution is at most `range`.
double range_below(double range, std::size_t groups) {
    constexpr double far = 8; // beyond, the density is nothing
    const auto at = [&](double z) {
        return density(z) * std::pow(below(z) - below(z - range), static_cast<double>(groups - 1));
    };
    return static_cast<double>(groups) * integral(at, -far, far, 120);
}

/// The mean of `function(s)`, where s is a standard deviation that was estimated with `freedom` degrees of
/// freedom, in units of the true one (a chi distribution).
template <class Function>
double mean_over_estimates(Function function, double freedom) {
    const double half = freedom / 2;
    const double scale = std::log(2) + half * std::log(half) - std::lgamma(half);
    const auto at = [&](double s) {
        return std::exp(scale + (freedom - 1) * std::log(std::max(s, 1e-9)) - half * s * s) * function(s);
    };
    const double spread = 8 / std::sqrt(2 * freedom);
    return integral(at, std::max(0.0, 1 - spread), 1 + spread, freedom < 5 ? 400 : 80);
}

/// Where a growing function of a number over 0 reaches `goal`.
template <class Function>
double where_reached(Function function, double goal) {
    double low = 0, high = 1;
    while (function(high) < goal && high < 1e9) high *= 2;
    for (int halved = 0; halved != 24; ++halved) {
        const double middle = (low + high) / 2;
        (function(middle) < goal ? low : high) = middle;
    }
    return (low + high) / 2;
}

/// Half of the interval that Student's t gives a mean, in units of its standard error. The range of two means
/// is their difference.
double student(double freedom) { return studentised_range(alpha, 2, freedom) / std::numbers::sqrt2; }

std::vector<double> logs_of(const std::vector<double>& values) {
    std::vector<double> logs;
    for (const auto value : values) logs.push_back(std::log(value));
    return logs;
}

bool has_logs(const std::vector<double>& values) {
    return std::ranges::all_of(values, [](double value) { return value > 0; });
}

interval_estimate ratio(double log_ratio, double half) {
    return {std::exp(log_ratio), std::exp(log_ratio - half), std::exp(log_ratio + half), {}, {}, {}};
}

int round_of(const interval_estimate& one, std::size_t index) {
    return one.rounds.empty() ? static_cast<int>(index) + 1 : one.rounds[index];
}

} // namespace

double studentised_range(double tail, std::size_t groups, double freedom) {
    // A report asks for the same few again and again.
    thread_local std::map<std::tuple<double, std::size_t, double>, double> known;
    const auto [found, is_new] = known.try_emplace({tail, groups, freedom});
    if (is_new)
        found->second = where_reached(
            [&](double q) {
                return mean_over_estimates([&](double s) { return range_below(q * s, groups); }, freedom);
            },
            1 - tail);
    return found->second;
}

double median_of(std::vector<double> values) {
    if (values.empty()) throw std::invalid_argument("no values have no median");
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

interval_estimate interval_estimate_of(std::vector<double> values, std::vector<int> rounds) {
    if (values.empty()) throw std::invalid_argument("no values have no mean");
    const bool is_log = has_logs(values);
    const auto [mean, standard_error] = estimate_of(is_log ? logs_of(values) : values);
    const auto back = [&](double value) { return is_log ? std::exp(value) : value; };
    interval_estimate one{back(mean), 0, infinity, values, std::move(rounds), {}};
    if (values.size() < 2) return one;
    const double half = student(static_cast<double>(values.size()) - 1) * standard_error;
    one.low = back(mean - half);
    one.high = back(mean + half);
    return one;
}

void fit_block(std::span<interval_estimate* const> servers, std::size_t block) {
    std::map<int, double> rounds; // the effect of each
    std::size_t count = 0;
    for (const auto* server : servers) {
        if (!has_logs(server->values)) return;
        for (std::size_t i = 0; i != server->values.size(); ++i) rounds[round_of(*server, i)] = 0;
        count += server->values.size();
    }
    // Least squares of an additive model, also if rounds are missing: each effect in turn, until nothing
    // changes.
    std::vector<double> means(servers.size());
    double change = infinity;
    for (int tried = 0; change > 1e-12 && tried != 1000; ++tried) {
        change = 0;
        for (std::size_t who = 0; who != servers.size(); ++who) {
            double sum = 0;
            for (std::size_t i = 0; i != servers[who]->values.size(); ++i)
                sum += std::log(servers[who]->values[i]) - rounds[round_of(*servers[who], i)];
            const double mean = sum / static_cast<double>(servers[who]->values.size());
            change = std::max(change, std::abs(mean - means[who]));
            means[who] = mean;
        }
        std::map<int, std::pair<double, int>> sums;
        for (std::size_t who = 0; who != servers.size(); ++who)
            for (std::size_t i = 0; i != servers[who]->values.size(); ++i) {
                auto& [sum, terms] = sums[round_of(*servers[who], i)];
                sum += std::log(servers[who]->values[i]) - means[who];
                ++terms;
            }
        double all = 0;
        for (auto& [round, effect] : rounds) all += effect = sums[round].first / sums[round].second;
        for (auto& [round, effect] : rounds) effect -= all / static_cast<double>(rounds.size());
    }
    double squares = 0;
    for (std::size_t who = 0; who != servers.size(); ++who)
        for (std::size_t i = 0; i != servers[who]->values.size(); ++i) {
            const double rest =
                std::log(servers[who]->values[i]) - means[who] - rounds[round_of(*servers[who], i)];
            squares += rest * rest;
        }
    const auto freedom = static_cast<double>(count) - static_cast<double>(servers.size() + rounds.size()) + 1;
    for (std::size_t who = 0; who != servers.size(); ++who)
        servers[who]->fit = {block, servers.size(), means[who], freedom > 0 ? std::sqrt(squares / freedom) : 0,
                             std::max(freedom, 0.0)};
}

interval_estimate ratio_of(const interval_estimate& one, const interval_estimate& other) {
    const auto &fit = one.fit, &same = other.fit;
    if (fit.block == 0 || fit.block != same.block) return ratio_between_runs(one, other);
    if (fit.freedom <= 0) return ratio(fit.log_mean - same.log_mean, infinity);
    const double error = fit.residual * std::sqrt(1.0 / static_cast<double>(one.values.size()) +
                                                  1.0 / static_cast<double>(other.values.size()));
    const double range = studentised_range(alpha, fit.servers, fit.freedom);
    return ratio(fit.log_mean - same.log_mean, range / std::numbers::sqrt2 * error);
}

interval_estimate ratio_between_runs(const interval_estimate& one, const interval_estimate& other) {
    if (!has_logs(one.values) || !has_logs(other.values))
        return {other.mean == 0 ? infinity : one.mean / other.mean, 0, infinity, {}, {}, {}};
    const auto mine = estimate_of(logs_of(one.values)), theirs = estimate_of(logs_of(other.values));
    const double difference = mine.mean - theirs.mean;
    if (one.values.size() < 2 || other.values.size() < 2) return ratio(difference, infinity);
    const double first = mine.standard_error * mine.standard_error;
    const double second = theirs.standard_error * theirs.standard_error;
    if (first + second == 0) return ratio(difference, 0);
    const double freedom = (first + second) * (first + second) /
                           (first * first / static_cast<double>(one.values.size() - 1) +
                            second * second / static_cast<double>(other.values.size() - 1));
    return ratio(difference, student(std::round(freedom * 10) / 10) * std::sqrt(first + second));
}

bool differ(const interval_estimate& one, const interval_estimate& other) {
    const auto times = ratio_of(one, other);
    return times.low > 1 || times.high < 1;
}

double minimum_detectable_effect(double residual, std::size_t rounds, std::size_t servers) {
    if (rounds < 2 || servers < 2) return infinity;
    const auto freedom = static_cast<double>((servers - 1) * (rounds - 1));
    const double range = studentised_range(alpha, servers, freedom);
    const auto shown = [&](double errors) { // of a difference of so many standard errors
        return mean_over_estimates([&](double s) { return below(errors - range / std::numbers::sqrt2 * s); },
                                   freedom);
    };
    return std::exp(where_reached(shown, 0.9) * residual * std::sqrt(2.0 / static_cast<double>(rounds))) - 1;
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
