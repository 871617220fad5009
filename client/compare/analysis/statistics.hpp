// What repeated measurements say, and what they do not. The plan is a randomised block design: each round
// measures every server once, so what slows a whole round slows all alike, and cancels out. The logarithms of a
// figure are fitted by a two-way model, server + round, with one residual for all (Montgomery, Design and
// Analysis of Experiments, ch. 4). All servers of a table are compared at once by Tukey's studentised range: in
// 95 of 100 tables of equal servers no difference is reported at all.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace parley {

/// Of 100 tables in which all servers are equal, so many may report a difference.
inline constexpr double alpha = 0.05;

/// Where a server stands in its block: all servers of one table, by one figure.
struct block_fit {
    std::size_t block = 0;   // which block; 0: none, so it can be compared by its own spread alone
    std::size_t servers = 0; // in the block
    double log_mean = 0;     // of the server, over all rounds of the block
    double residual = 0;     // standard deviation of what neither server nor round explains
    double freedom = 0;      // degrees of freedom of the residual; 0: too few rounds for any
};

/// Repeated measurements of one figure of one server.
struct interval_estimate {
    double mean = 0; // geometric; arithmetic if a value is not over 0
    double low = 0; // an interval that holds the true mean 95 times in 100 (Student's t, of the logarithms) ...
    double high = 0;              // ... as wide as nothing and everything if there is only one value
    std::vector<double> values{}; // in the order of the rounds
    std::vector<int> rounds{};    // the round of each; empty: 1, 2, 3 ...
    block_fit fit{};
};

/// Throws std::invalid_argument if there are no values.
double median_of(std::vector<double> values);
interval_estimate interval_estimate_of(std::vector<double> values, std::vector<int> rounds = {});

/// Fits the servers of one table by one figure, and writes each one's `fit`; `block` is over 0, and another one
/// for each table and figure. Figures that are not over 0 have no logarithm: then no fit is written.
void fit_block(std::span<interval_estimate* const> servers, std::size_t block);

/// How many times `one` is `other`, with an interval. Within a block the intervals of all pairs hold together
/// in 95 of 100 tables (Tukey and Kramer). Else each is Welch's t interval. The interval is from 0 to infinity
/// if there are too few values. Both are over 0.
interval_estimate ratio_of(const interval_estimate& one, const interval_estimate& other);

/// The same by Welch's t interval, also for one block number of two runs.
interval_estimate ratio_between_runs(const interval_estimate& one, const interval_estimate& other);

/// True if a difference is shown: 1 is not in the interval of their ratio.
bool differ(const interval_estimate& one, const interval_estimate& other);

/// The least ratio minus 1 that is shown 9 times in 10 between two of `servers`, with a residual of so much and
/// so many rounds. Infinite for fewer than 2 rounds.
double minimum_detectable_effect(double residual, std::size_t rounds, std::size_t servers);

/// How many rounds it takes to show that difference, which is more than 0, so often; at most 1,000.
std::size_t rounds_needed(double difference, double residual, std::size_t servers);

/// The value that the range of `groups` means, in units of the standard deviation estimated with `freedom`
/// degrees of freedom, exceeds with probability `tail`. Exact but for the integration (four digits).
double studentised_range(double tail, std::size_t groups, double freedom);

enum class best { highest, lowest };

} // namespace parley
