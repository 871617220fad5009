// What a few repeated measurements say, and what they do not: a middle, how sure it is, and who is told apart.
#pragma once

#include <cstddef>
#include <vector>

namespace parley {

/// The middle of repeated measurements, and an interval that holds the true one 95 times in 100: a bootstrap of
/// the median (2,000 samples, the same ones each time).
struct estimate {
    double median = 0;
    double low = 0;
    double high = 0;
    std::vector<double> values{}; // in the order of the rounds
};

/// Throws std::invalid_argument where there are no values.
double median_of(std::vector<double> values);
estimate estimate_of(std::vector<double> values);

/// How many times `one` is `other`: the ratio of their medians, with its bootstrap interval. `other` is over 0.
estimate ratio_of(const estimate& one, const estimate& other);

/// If both came from the same source: how often would chance mix them as little as this? The exact two-sided
/// permutation test of the sum of ranks (Wilcoxon, Mann and Whitney), which asks nothing of the noise but that
/// it be alike. With three values each it is never below 0.1, with four 0.03, with six 0.002.
double p_value(const estimate& one, const estimate& other);

/// Two equals are told apart by chance at most so often; four rounds each are the fewest that can be enough.
inline constexpr double chance_allowed = 0.03;

/// Has a difference been shown?
bool told_apart(const estimate& one, const estimate& other);

/// How much repeated measurements of one source differ: the standard deviation of a bell curve whose values are
/// as far from their median as these, in parts of the median. 0 where that is 0.
double noise_of(const estimate& one);

/// The least difference, in parts, that told_apart() finds 9 times in 10 between two of so much noise, with so
/// many rounds each. Infinite for fewer rounds than can be enough.
double least_shown(double noise, std::size_t rounds);

/// How many rounds each it takes to find that difference, more than 0, so often.
std::size_t rounds_to_show(double difference, double noise);

/// Groups of those that are not told apart, the highest median first, or the lowest: each group is led by the
/// best that is left, and holds all that are not told apart from the leader. The numbers are indices into
/// `all`.
enum class best { highest, lowest };
std::vector<std::vector<std::size_t>> groups_of(const std::vector<estimate>& all, best first = best::highest);

} // namespace parley
