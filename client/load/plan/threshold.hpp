// What a run must reach, as --threshold says it: p99<10ms, errors=0, rate>5000.
#pragma once

#include "client/load/engine/load_result.hpp"

#include <string>
#include <string_view>

namespace parley {

struct threshold {
    enum class what { percentile, mean, max, rate, errors, wrong, lost, unanswered, fairness };
    enum class relation { less, at_most, more, at_least, equal };

    std::string text; // as it was said
    what metric = what::rate;
    double percent = 0; // of a percentile
    relation must_be = relation::less;
    double value = 0; // times in seconds
};

/// Throws std::invalid_argument that names the text and says what to write.
threshold parse_threshold(std::string_view text);

/// What was measured of it; times in seconds.
double measured(const threshold& one, const load_result& result);

bool is_met(const threshold& one, const load_result& result);

/// "4.20 ms", "5,120"
std::string measured_text(const threshold& one, const load_result& result);

} // namespace parley
