#include "client/load/knee.hpp"

#include <algorithm>
#include <cmath>

namespace parley {

namespace {

/// A rate that met the target and one that did not; 0: there is none.
struct bracket {
    double met = 0, failed = 0;
};

bracket bracket_from(double first, double highest, const std::function<bool(double)>& meets) {
    bracket found;
    double rate = std::min(first, highest);
    if (meets(rate)) {
        for (found.met = rate; found.met < highest; found.met = rate)
            if (rate = std::min(2 * found.met, highest); !meets(rate)) {
                found.failed = rate;
                break;
            }
        return found;
    }
    for (found.failed = rate; rate >= 1; found.failed = rate)
        if (rate = found.failed / 2; meets(rate)) {
            found.met = rate;
            break;
        }
    return found;
}

bracket narrowed(bracket found, double precision, const std::function<bool(double)>& meets) {
    while (found.met > 0 && found.failed > found.met * (1 + precision)) {
        const double rate = std::sqrt(found.met * found.failed);
        (meets(rate) ? found.met : found.failed) = rate;
    }
    return found;
}

} // namespace

knee find_knee(const knee_search& how, const std::function<bool(double)>& meets) {
    auto found = narrowed(bracket_from(how.first, how.highest, meets), how.precision, meets);
    knee result{found.met, found.failed};
    for (int again = 1; again < how.repeats && result.least > 0 && result.most > 0; ++again) {
        // From a little below, so that a lucky or an unlucky trial of before does not decide.
        const auto wide = bracket_from(found.met * 0.8, how.highest, meets);
        found = narrowed(wide, how.precision, meets);
        result.least = std::min(result.least, found.met);
        result.most = std::max(result.most, found.failed);
    }
    return result;
}

} // namespace parley
