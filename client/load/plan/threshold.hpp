// Targets that a run must reach, as --threshold states them: p99<10ms, errors=0, rate>5000.
#pragma once

#include "client/load/engine/load_result.hpp"

#include <string>
#include <string_view>

namespace parley {

struct threshold {
    enum class quantity { percentile, mean, max, rate, errors, wrong, lost, unanswered, fairness };
    enum class relation { less, at_most, more, at_least, equal };

    std::string text; // as written on the command line
    quantity metric = quantity::rate;
    double percent = 0; // of quantity::percentile
    relation comparison = relation::less;
    double limit = 0; // times in seconds
};

/// Throws std::invalid_argument that quotes the text and says what to write.
threshold parse_threshold(std::string_view text);

/// Returns the measured value of the threshold's metric; times in seconds.
double measured(const threshold& threshold, const load_result& result);

/// True if the run reached the target.
bool is_met(const threshold& threshold, const load_result& result);

/// Returns the measured value as text: "4.20 ms", "5,120", or ">= 4.20 ms" if only a lower bound is known.
std::string measured_text(const threshold& threshold, const load_result& result);

} // namespace parley
