// The schedule is made for a rate of 1: one arrival per second, or exponential pauses with a mean of 1 s. The
// profile maps that time to real time: the higher the rate, the faster it passes. For a Poisson process with a
// rate that changes, this is Cinlar's method (Introduction to Stochastic Processes, 1975).
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

schedule::schedule(profile rate, arrivals arrivals, std::uint64_t seed, int thread, int threads)
    : rate_{std::move(rate)}, arrivals_{arrivals}, threads_{threads}, random_{seed} {
    next_ = profile::time{};
    if (arrivals_.how == arrivals::kind::poisson)
        skip(1 + thread);
    else if (rate_.when_reached(0))
        skip(thread);
    else
        next_.reset();
}

void schedule::skip(int count) {
    for (; count > 0; --count) {
        switch (arrivals_.how) {
        case arrivals::kind::constant: area_ += 1; break;
        case arrivals::kind::poisson:
            area_ += -std::log1p(-std::generate_canonical<double, 53>(random_));
            break;
        case arrivals::kind::burst:
            if (++in_burst_ < arrivals_.burst) break;
            in_burst_ = 0;
            area_ += arrivals_.burst;
            break;
        }
    }
    next_ = rate_.when_reached(area_);
}

} // namespace parley
