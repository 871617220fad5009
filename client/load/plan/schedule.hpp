// Schedule of the requests in an open loop: constant, random as from independent users (a Poisson process), or
// in bursts. The due times depend only on the rate and the seed, so a run can be repeated. Read
// load_profile.hpp first.
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
    int burst = 1; // requests per burst
};

/// Parses "constant", "poisson" or "burst:N". Throws std::invalid_argument that says what to write.
arrivals parse_arrivals(std::string_view text);

class schedule {
public:
    using time = profile::time;

    /// `threads` threads share the schedule round-robin. This is the part of thread number `thread`, from 0.
    schedule(profile rate, arrivals arrivals, std::uint64_t seed, int thread = 0, int threads = 1);

    /// Returns when the next request is due, since the start of the load; nullopt if none is left.
    [[nodiscard]] std::optional<time> next() const { return next_; }

    /// Removes the next request.
    void take() { skip(threads_); }

private:
    void skip(int count);

    profile rate_;
    arrivals arrivals_;
    int threads_;
    std::mt19937_64 random_;
    double area_ = 0;  // integral of the rate up to the next request
    int in_burst_ = 0; // requests of this burst so far
    std::optional<time> next_;
};

} // namespace parley
