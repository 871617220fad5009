// One trial of --find-knee: its outcome, and how long it must last.
#pragma once

#include "client/load/analysis/outcome.hpp"

#include <chrono>
#include <string>

namespace parley {

/// The outcome is unknown if parley-load itself was the limit, or if the figures are not valid.
enum class trial_outcome { met, missed, unknown };

std::string_view to_string(trial_outcome outcome);

struct trial {
    trial_outcome outcome = trial_outcome::unknown;
    std::string why; // a phrase: the measured value, or the reason of the outcome
};

/// Judges a run at one rate. A limit of parley-load itself is never counted against the server.
trial judge_trial(const load_options& options, const threshold& target, const load_result& result);

/// Returns how long a trial at `rate` must last, warm-up included: long enough for the percentile of the
/// target, and at least `shortest`.
std::chrono::milliseconds trial_length(const threshold& target, double rate, std::chrono::milliseconds shortest,
                                       std::optional<std::chrono::milliseconds> warm_up);

} // namespace parley
