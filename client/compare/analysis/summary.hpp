// From single measurements to what a person compares: per workload, a row for each contender, the best first.
#pragma once

#include "client/compare/analysis/metrics.hpp"
#include "client/compare/measure/measure_cell.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley {

/// Why rounds do not count, or only their server's side does.
struct problem {
    std::string text; // of the first; that of the others has other numbers at most
    std::vector<int> rounds;
};

struct row {
    std::string name;
    std::size_t contender = 0; // its number in the plan
    estimates values;          // empty: no round counts
    int served = 0;            // connections, in the round that served the fewest
    bool left_cleanly = true;  // in every round
    std::vector<problem> problems;
    std::vector<problem> doubts; // rounds whose rate and latency are not valid, as the load itself says
    // Against the reference; what slowed all in a round cancels out.
    std::optional<interval_estimate> rate_ratio;
    std::optional<interval_estimate> cpu_ratio;

    [[nodiscard]] bool counts() const { return !values.empty(); }
    /// Nothing: its rounds do not have that figure.
    [[nodiscard]] const interval_estimate* find(std::string_view metric) const;
};

struct section {
    workload load;
    std::string reference;  // what the ratios refer to; empty where nothing can
    std::vector<row> rows;  // ranked ones by falling rate, then the others
    std::size_t ranked = 0; // so many of the rows served every connection

    /// Nothing: no such contender, or not ranked.
    [[nodiscard]] const row* ranked_row(std::string_view name) const;
    /// The ranked rows that have the figure.
    [[nodiscard]] std::vector<const row*> with(std::string_view metric) const;
};

/// A section per workload of the plan that has measurements. The reference is the contender called `baseline`,
/// or the best of each section where that is empty. Rounds with a problem are told, not counted; of those in
/// doubt, what the server used counts.
std::vector<section> summarize(const plan& all, const std::vector<measurement>& done,
                               const std::string& baseline);

/// The first section of this workload; nothing: there is none.
const section* section_of(const std::vector<section>& all, std::string_view workload_id);

} // namespace parley
