// Where each server of a table stands beside the best one, by one figure: worse, as good, or not enough to say.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <utility>
#include <vector>

namespace parley {

enum class standing {
    best,       // has the best mean of those that are judged
    as_good,    // shown: the interval of the ratio to the best lies within 10 %
    worse,      // shown: 1 is not in that interval
    open,       // neither: not enough rounds to say
    not_judged, // too few of its rounds are valid: less than three of four, or one
};

struct ranking {
    std::vector<std::pair<std::string, interval_estimate>>
        rows;                        // the best first; those that are not judged last
    std::vector<standing> standings; // of each row

    [[nodiscard]] std::vector<std::string> names(standing which) const;
    /// The best, and those that are as good.
    [[nodiscard]] std::vector<std::string> good() const;
    /// Returns nullptr if no row is worse.
    [[nodiscard]] const std::pair<std::string, interval_estimate>* first_worse() const;
};

/// Less than that is no reason to choose another model.
inline constexpr double little = 0.1;

/// The ranked rows of a section that have the figure; of `names` alone, if there are any.
ranking rank(const section& one, const metric& by, const std::vector<std::string>& names = {});

/// How many times worse `one` is than `best`: over 1 if it is, whichever way the figure goes.
interval_estimate times_worse(const interval_estimate& one, const interval_estimate& best, const metric& by);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& names);

} // namespace parley
