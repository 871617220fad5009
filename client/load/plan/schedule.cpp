// At a rate of 1 the schedule is simple: one each second, or exponential pauses with a mean of 1. The profile
// turns that time into ours: where the rate is higher, it passes faster (for Poisson arrivals: Cinlar 1975).
#include "client/load/plan/schedule.hpp"

#include "client/conversation/expected_response.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

arrivals parse_arrivals(std::string_view text) {
    if (text == "constant") return {};
    if (text == "poisson") return {arrivals::kind::poisson, 1};
    constexpr std::string_view burst = "burst:";
    if (text.starts_with(burst)) {
        const auto digits = text.substr(burst.size());
        int size = 0;
        const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
        if (error == std::errc{} && stop == digits.data() + digits.size() && size >= 1 && size <= 1'000'000)
            return {arrivals::kind::burst, size};
    }
    throw std::invalid_argument(fmt::format(
        "unknown arrivals {}: choose constant, poisson or burst:N (N from 1 to 1000000)", in_quotes(text)));
}

schedule::schedule(profile rate, arrivals how, std::uint64_t seed, int thread, int threads)
    : rate_{std::move(rate)}, how_{how}, threads_{threads}, random_{seed} {
    next_ = profile::time{};
    if (how_.how == arrivals::kind::poisson)
        skip(1 + thread);
    else if (rate_.when_reached(0))
        skip(thread);
    else
        next_.reset();
}

void schedule::skip(int count) {
    for (; count > 0; --count) {
        switch (how_.how) {
        case arrivals::kind::constant: area_ += 1; break;
        case arrivals::kind::poisson:
            area_ += -std::log1p(-std::generate_canonical<double, 53>(random_));
            break;
        case arrivals::kind::burst:
            if (++in_burst_ < how_.burst) break;
            in_burst_ = 0;
            area_ += how_.burst;
            break;
        }
    }
    next_ = rate_.when_reached(area_);
}

} // namespace parley
