// What a few repeated measurements say, and what they do not: a middle, a spread, and who cannot be told apart.
#pragma once

#include <cstddef>
#include <vector>

namespace parley {

/// The middle of repeated measurements, and how far apart they lay.
struct spread {
    double median = 0;
    double least = 0;
    double most = 0;
    std::size_t count = 0; // of measurements
};

/// Throws std::invalid_argument where there are no values.
spread spread_of(std::vector<double> values);

/// Has it been shown that one is above the other? Their values do not mix, and are at least three each: by
/// chance alone that happens to one pair in ten, to fewer with more values. A first look, not a proof.
bool told_apart(const spread& one, const spread& other);

/// Groups of those that are not told apart, highest first: each group is led by the highest median that is
/// left, and holds all that are not told apart from the leader. The numbers are indices into `all`.
std::vector<std::vector<std::size_t>> groups_of(const std::vector<spread>& all);

} // namespace parley
