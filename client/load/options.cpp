#include "client/load/options.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

milliseconds warm_up_of(const load_options& options) {
    if (options.warm_up) return *options.warm_up;
    return options.duration ? std::min<milliseconds>(*options.duration / 10, 1s) : 0ms;
}

void check_consistency(const load_options& options) {
    constexpr int most = 1'000'000;
    if (options.connections < 1 || options.connections > most)
        throw std::invalid_argument(fmt::format("a load has 1 to {} connections", most));
    if (options.duration.has_value() == options.total.has_value())
        throw std::invalid_argument(
            "say either how long to load (--duration) or how many requests to send (--requests)");
    if (options.total == 0) throw std::invalid_argument("a load of 0 requests is none");
    if (options.duration && *options.duration <= warm_up_of(options))
        throw std::invalid_argument(fmt::format("a warm-up of {} ms leaves nothing of {} ms to be counted",
                                                warm_up_of(options).count(), options.duration->count()));
    if (options.timeout <= 0ms) throw std::invalid_argument("the time-out must be longer than 0");
    for (const double percent : options.percentiles)
        if (!(percent > 0 && percent < 100))
            throw std::invalid_argument(
                fmt::format("a percentile lies between 0 and 100: {} does not (--percentiles)", percent));
}

} // namespace parley
