// From single measurements to what a person compares: per workload, a row for each contender, the best first.
#pragma once

#include "client/compare/measure.hpp"
#include "client/compare/statistics.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley {

/// Medians and spreads over the rounds that count.
struct figures {
    spread rate;                  // requests per second
    std::optional<spread> p50_ms; // none: too few requests to tell
    std::optional<spread> p99_ms;
    spread cpu_us;   // of the server, per request
    spread switches; // of the server, per request
    spread pss_mib;
    int served = 0; // connections, in the round that served the fewest
    // Against the reference, round by round, so that what slowed both in a round cancels out.
    std::optional<spread> rate_ratio;
    std::optional<spread> cpu_ratio;
};

/// Why rounds do not count.
struct problem {
    std::string text;
    std::vector<int> rounds;
};

struct row {
    std::string name;
    std::optional<figures> values; // none: no round counts
    bool left_cleanly = true;      // in every round
    std::vector<problem> problems;
};

struct section {
    workload load;
    std::string reference;  // what the ratios refer to; empty where nothing can
    std::vector<row> rows;  // ranked ones by falling rate, then the others
    std::size_t ranked = 0; // so many of the rows served every connection
};

/// A section per workload of the plan that has measurements. The reference is the contender called `baseline`,
/// or the best of each section where that is empty. Rounds with a problem are told, not counted.
std::vector<section> summarize(const plan& all, const std::vector<measurement>& done,
                               const std::string& baseline);

} // namespace parley
