// Index of fairness: how evenly a resource is shared.
#pragma once

#include <ranges>

namespace parley {

/// Returns Jain's index of fairness: 1 if all shares are equal, 1/n if one of n has everything; 1 if there are
/// no shares. (R. Jain, D. Chiu, W. Hawe: A Quantitative Measure of Fairness, DEC-TR-301, 1984.)
template <std::ranges::input_range Shares>
double fairness_of(const Shares& shares) {
    double count = 0, sum = 0, squares = 0;
    for (const auto value : shares) {
        const auto share = static_cast<double>(value);
        ++count;
        sum += share;
        squares += share * share;
    }
    return squares > 0 ? sum * sum / (count * squares) : 1;
}

} // namespace parley
