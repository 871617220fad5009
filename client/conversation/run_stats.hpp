// Statistics of a run. All connections of a thread record their requests and results here.
#pragma once

#include "client/conversation/failures.hpp"
#include "client/conversation/histogram.hpp"
#include "client/conversation/seen_numbers.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace parley {

struct run_stats {
    using clock = std::chrono::steady_clock;

    /// One answered and verified request.
    struct completed_request {
        clock::time_point due;        // scheduled time; without a schedule, the time of sending
        clock::time_point asked;      // just before it was sent
        clock::time_point free_since; // when it could have been sent: after the previous response
        clock::time_point verified;
        std::uint64_t bytes_sent = 0;
        std::uint64_t bytes_received = 0;
    };

    void record(const completed_request& result);

    /// Records a request that will not be answered. `now` - `due` is a lower bound of its latency. A percentile
    /// in that range is such a bound as well: see rests_on_bounds().
    void enter_unanswered(clock::time_point due, std::optional<clock::time_point> asked, clock::time_point now);

    /// Returns the latency at this percentile (100: the maximum) if unanswered requests count as infinite;
    /// nullopt if the percentile is one of them.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> most_at_percentile(double percent) const;

    /// True if the latency at this percentile is a lower bound only: unanswered requests could increase it by 5
    /// % or more.
    [[nodiscard]] bool rests_on_bounds(double percent) const;

    /// The results of all requests, as far as the responses show them.
    struct tally {
        std::uint64_t sent = 0;
        std::uint64_t answered = 0;  // correctly
        std::uint64_t lost = 0;      // neither answered nor wrong nor given up
        std::uint64_t given_up = 0;  // by the load: at its end, or pipelined after a wrong response
        std::uint64_t doubled = 0;   // a response, or a part of it, arrived twice
        std::uint64_t reordered = 0; // a response arrived too early
        std::uint64_t crossed = 0;   // bytes of another connection arrived
        std::uint64_t corrupt = 0;   // bytes were changed, or are of no connection
    };
    [[nodiscard]] tally totals() const;

    /// Merges the statistics of another thread. A counter value seen by both is an error.
    void add(const run_stats& other);

    // ---- Set by the owner of the run. ----
    std::uint64_t requests_left = std::numeric_limits<std::uint64_t>::max(); // no request begins when it is 0
    clock::time_point from{};                           // responses before that are warm-up
    clock::time_point until = clock::time_point::max(); // later responses are after the run; requests that
                                                        // begin later do not count

    bool has_schedule = false;                    // requests have scheduled times (open loop)
    std::chrono::nanoseconds expected_interval{}; // between requests; 0: unknown
    histogram* recent = nullptr;                  // also records each latency; may be nullptr

    // ---- All of the run. ----
    std::uint64_t connections = 0; // highest number of a connection
    std::uint64_t all_asked = 0;
    std::uint64_t all_answered = 0;
    std::uint64_t all_wrong = 0;    // requests with a wrong response
    std::uint64_t all_given_up = 0; // by the load itself: see tally
    clock::time_point latest{};     // time of the last verified response
    histogram first_answers;        // latency of the first request of each connection, from sending
    failures errors;
    seen_numbers numbers; // values that the counter service sent

    // ---- Without the warm-up. ----
    histogram latency;                // of all requests, including responses after the run
    histogram bounds;                 // lower bounds of the unanswered ones among them
    histogram uncorrected;            // with a schedule: from sending, not from the due time
    histogram send_lag;               // with a schedule: delay between possible and actual sending
    histogram corrected;              // with an interval: including requests omitted during long responses
    std::uint64_t answered = 0;       // before the end of the run, like the two below
    std::uint64_t bytes_sent = 0;     // of these requests
    std::uint64_t bytes_received = 0; // of these responses
};

} // namespace parley
