// One trial of --find-knee: what it tells of the target, and how long it must last.
#pragma once

#include "client/load/analysis/outcome.hpp"

#include <chrono>
#include <string>

namespace parley {

/// unknown: the run cannot tell, since parley-load itself was the limit, or the figures are not valid.
enum class trial_outcome { met, missed, unknown };

std::string_view to_string(trial_outcome outcome);

struct trial {
    trial_outcome outcome = trial_outcome::unknown;
    std::string why; // for people: what was measured, or what was in the way
};

/// Returns what the run tells of the target. A limit of parley-load itself is never counted against the server.
trial judge_trial(const load_options& options, const threshold& target, const load_result& result);

/// Returns how long a trial at `rate` must last: long enough that the percentile of the target can be told, and
/// at least `shortest`. The warm-up is in it.
std::chrono::milliseconds trial_length(const threshold& target, double rate, std::chrono::milliseconds shortest,
                                       std::optional<std::chrono::milliseconds> warm_up);

} // namespace parley
