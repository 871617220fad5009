// Statistics of repeated measurements: estimates, intervals and comparisons.
// The plan is a randomised block design: each round measures every server once. What slows a whole round slows
// all servers alike and cancels out. The logarithms of a metric are fitted by a two-way model, server + round,
// with one residual (Montgomery, Design and Analysis of Experiments, ch. 4). All servers of a table are
// compared at once by Tukey's studentised range: 95 of 100 tables of equal servers report no difference at all.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley {

/// Significance level: if all servers are equal, 5 of 100 tables report a difference.
inline constexpr double alpha = 0.05;

/// The fit of one server in its block. A block is all servers of one table, by one metric.
struct block_fit {
    std::size_t block = 0;   // number of the block; 0: none, then only the server's own spread is known
    std::size_t servers = 0; // in the block
    double log_mean = 0;     // of the server, over all rounds of the block
    double residual = 0;     // standard deviation that neither server nor round explains
    double freedom = 0;      // degrees of freedom of the residual; 0: too few rounds for an interval
};

/// Repeated measurements of one metric of one server, with a 95 % confidence interval of the mean.
struct interval_estimate {
    double mean = 0;              // geometric; arithmetic if a value is not above 0
    double low = 0;               // Student's t of the logarithms; 0 if there is only one value
    double high = 0;              // infinite if there is only one value
    std::vector<double> values{}; // in the order of the rounds
    std::vector<int> rounds{};    // the round of each value; empty: 1, 2, 3 ...
    block_fit fit{};
};

/// Throws std::invalid_argument if there are no values.
double median_of(std::vector<double> values);
interval_estimate interval_estimate_of(std::vector<double> values, std::vector<int> rounds = {});

/// Fits the servers of one table by one metric and sets the `fit` of each. `block` is above 0 and differs for
/// each table and metric. Sets nothing if a value is not above 0, since it has no logarithm.
void fit_block(std::span<interval_estimate* const> servers, std::size_t block);

/// Returns the ratio of two means, both above 0, with its interval. In a block the intervals are simultaneous:
/// in 95 of 100 tables all pairs hold (Tukey-Kramer). Otherwise each is Welch's t interval. With too few values
/// the interval is 0 to infinity.
interval_estimate ratio_of(const interval_estimate& numerator, const interval_estimate& denominator);

/// Returns the ratio with Welch's t interval, even if both have the same block number: for two separate runs.
interval_estimate ratio_between_runs(const interval_estimate& numerator, const interval_estimate& denominator);

/// True if the two differ significantly: the interval of their ratio excludes 1.
bool differ(const interval_estimate& left, const interval_estimate& right);

/// Returns the minimum detectable effect: the ratio minus 1 that a comparison of two of `servers` detects with
/// a power of 90 %. Infinite if there are fewer than 2 rounds or servers.
double minimum_detectable_effect(double residual, std::size_t rounds, std::size_t servers);

/// Returns the number of rounds for which `difference`, above 0, is the minimum detectable effect; at most
/// 1,000.
std::size_t rounds_needed(double difference, double residual, std::size_t servers);

/// Returns the upper `tail` quantile of the studentised range: the range of `groups` means, in units of a
/// standard deviation estimated with `freedom` degrees of freedom. Integrated numerically to four digits.
double studentised_range(double tail, std::size_t groups, double freedom);

} // namespace parley
