// When requests are due in an open loop, whatever the server does: evenly, at random as independent users come
// (Poisson), or in bursts. The times follow from the rate and the seed alone, so a run can be repeated.
#pragma once

#include "client/load/plan/load_profile.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace parley {

struct arrivals {
    enum class kind { constant, poisson, burst };
    kind how = kind::constant;
    int burst = 1; // so many at once
};

/// Reads "constant", "poisson" or "burst:N". Throws std::invalid_argument that says what to write.
arrivals parse_arrivals(std::string_view text);

class schedule {
public:
    using time = profile::time;

    /// Of `threads` that share the load, this is number `thread`, from 0: it takes each arrival in turn with
    /// the others.
    schedule(profile rate, arrivals how, std::uint64_t seed, int thread = 0, int threads = 1);

    /// When the next request is due, since the beginning. Nothing: no more are.
    [[nodiscard]] std::optional<time> next() const { return next_; }

    /// That request is being sent, or given up.
    void take() { skip(threads_); }

private:
    void skip(int count);

    profile rate_;
    arrivals how_;
    int threads_;
    std::mt19937_64 random_;
    double area_ = 0;  // under the rate, up to the next one
    int in_burst_ = 0; // how many have come of this burst
    std::optional<time> next_;
};

} // namespace parley
