// Summary of single measurements: a section per workload, with a row for each contender, the best first.
#pragma once

#include "client/compare/analysis/metrics.hpp"
#include "client/compare/measure/measure_cell.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley {

/// Why rounds are not valid, or why only the server's side of them is.
struct problem {
    std::string text; // of the first round; the other texts differ only in numbers
    std::vector<int> rounds;
};

struct row {
    std::string name;
    std::size_t contender = 0; // index in the plan
    estimates values;          // empty: no round is valid
    int served = 0;            // connections, in the round that served the fewest
    bool left_cleanly = true;  // in every round
    std::vector<problem> problems;
    std::vector<problem> invalid; // rounds whose rate and latency parley-load calls not valid
    // Ratios to the reference. What slows a whole round cancels out.
    std::optional<interval_estimate> rate_ratio;
    std::optional<interval_estimate> cpu_ratio;

    [[nodiscard]] bool counts() const { return !values.empty(); }
    /// Returns nullptr if no valid round has the metric.
    [[nodiscard]] const interval_estimate* find(std::string_view metric) const;
};

struct section {
    workload load;
    std::string reference;  // name of the contender that the ratios refer to; empty: none
    std::vector<row> rows;  // ranked ones by falling rate, then the others
    std::size_t ranked = 0; // number of rows that served all connections; these come first

    /// Returns nullptr if there is no such contender, or if it is not ranked.
    [[nodiscard]] const row* ranked_row(std::string_view name) const;
    /// Returns the ranked rows that have the metric.
    [[nodiscard]] std::vector<const row*> with(std::string_view metric) const;
};

/// Returns a section for each workload of the plan that has measurements. The reference is the contender named
/// `baseline`, or the best of each section if `baseline` is empty. Rounds with a problem are listed and not
/// used. Of invalid rounds, only the server's side is used.
std::vector<section> summarize(const plan& plan, const std::vector<measurement>& measurements,
                               const std::string& baseline);

/// Returns the first section of this workload, or nullptr.
const section* section_of(const std::vector<section>& sections, std::string_view workload_id);

} // namespace parley
