#include "client/load/analysis/rate_search.hpp"

#include <algorithm>
#include <cmath>

namespace parley {

namespace {

using trial_at = std::function<trial_outcome(double)>;

/// A rate that met the target, and a higher one that did not; 0: there is none.
struct bracket {
    double met = 0, failed = 0;
    trial_outcome at_failed = trial_outcome::missed;

    /// Tries a rate, and replaces one end of the bracket by it. Returns true if the target was met.
    bool narrow(double rate, const trial_at& attempt) {
        const auto outcome = attempt(rate);
        if (outcome == trial_outcome::met) {
            met = rate;
            return true;
        }
        failed = rate;
        at_failed = outcome;
        return false;
    }
};

/// Doubles the rate from `first` until the target is not met, or halves it until it is.
bracket bracket_from(double first, double highest, const trial_at& attempt) {
    bracket found;
    double rate = std::min(first, highest);
    if (found.narrow(rate, attempt)) {
        while (found.met < highest && found.narrow(std::min(2 * found.met, highest), attempt)) {
        }
        return found;
    }
    // If no lower rate meets the target, the result depends on whether any trial missed it, or all are unknown.
    bool any_missed = found.at_failed == trial_outcome::missed;
    while (found.failed >= 1 && !found.narrow(found.failed / 2, attempt))
        any_missed |= found.at_failed == trial_outcome::missed;
    if (found.met == 0 && any_missed) found.at_failed = trial_outcome::missed;
    return found;
}

/// Bisects the bracket, on a logarithmic scale, to the precision.
bracket narrowed(bracket found, double precision, const trial_at& attempt) {
    while (found.met > 0 && found.failed > found.met * (1 + precision))
        found.narrow(std::sqrt(found.met * found.failed), attempt);
    return found;
}

} // namespace

knee find_knee(const knee_search& search, const trial_at& attempt) {
    auto found = narrowed(bracket_from(search.first, search.highest, attempt), search.precision, attempt);
    knee result{found.met, found.failed, found.at_failed};
    for (int i = 1; i < search.repeats && result.least > 0 && result.most > 0; ++i) {
        // Starts a fifth lower, so that a single lucky trial of the search before does not decide.
        const auto wide = bracket_from(found.met * 0.8, search.highest, attempt);
        found = narrowed(wide, search.precision, attempt);
        result.least = std::min(result.least, found.met);
        if (found.failed >= result.most) result.at_most = found.at_failed;
        result.most = std::max(result.most, found.failed);
    }
    return result;
}

} // namespace parley
