// How evenly something is shared out.
#pragma once

#include <ranges>

namespace parley {

/// Jain's index of fairness: 1 where all have the same, 1/n where one of n has it all; 1 for none. (R. Jain,
/// D. Chiu, W. Hawe: A Quantitative Measure of Fairness, DEC-TR-301, 1984.)
template <std::ranges::input_range Shares>
double fairness_of(const Shares& shares) {
    double count = 0, sum = 0, squares = 0;
    for (const auto each : shares) {
        const auto share = static_cast<double>(each);
        ++count;
        sum += share;
        squares += share * share;
    }
    return squares > 0 ? sum * sum / (count * squares) : 1;
}

} // namespace parley
