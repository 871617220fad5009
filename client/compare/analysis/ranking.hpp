// Ranking of the servers of a table by one metric. Each is compared with the best one: as good, worse, or not
// clearly different.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <utility>
#include <vector>

namespace parley {

enum class standing {
    best,       // the best mean of all judged servers
    as_good,    // confirmed: the interval of the ratio to the best lies within 10 %
    worse,      // significant: that interval excludes 1
    unclear,    // neither: not clearly different with this number of rounds
    not_judged, // fewer than three of four rounds are valid, or only one
};

struct ranking {
    std::vector<std::pair<std::string, interval_estimate>> rows; // best first; those not judged last
    std::vector<standing> standings;                             // of each row

    [[nodiscard]] std::vector<std::string> names(standing wanted) const;
    /// Returns the best server and those that are as good.
    [[nodiscard]] std::vector<std::string> good() const;
    /// Returns nullptr if no row is worse.
    [[nodiscard]] const std::pair<std::string, interval_estimate>* first_worse() const;
};

/// The relevance threshold, 10 %: a smaller difference is no reason to choose another model.
inline constexpr double relevant_difference = 0.1;

/// Ranks the servers of a section that have the metric, or only those in `names` if it is not empty.
ranking rank(const section& section, const metric& metric, const std::vector<std::string>& names = {});

/// Returns the ratio by which `server` is worse than `best`: above 1 if worse, for either direction.
interval_estimate times_worse(const interval_estimate& server, const interval_estimate& best,
                              const metric& metric);

/// Formats a list: "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& names);

} // namespace parley
