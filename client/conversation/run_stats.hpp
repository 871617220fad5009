// The book of a run: all conversations of a thread write into it what they have sent and what came of it.
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

    /// One request that was answered and verified.
    struct answer {
        clock::time_point due;        // when it should have been asked; where nobody says: when it was
        clock::time_point asked;      // just before its output was asked for
        clock::time_point free_since; // when it could have been asked: the answer before had come
        clock::time_point verified;
        std::uint64_t bytes_sent = 0;
        std::uint64_t bytes_received = 0;
    };

    void record(const answer& one);

    /// A request that will not be answered: its latency is at least from when it was due, and asked if it was,
    /// until `now`. A percentile that is as long as that rests on such bounds: see rests_on_bounds().
    void enter_unanswered(clock::time_point due, std::optional<clock::time_point> asked, clock::time_point now);

    /// Returns the latency at this percentile (100: the longest) if those that were never answered took for
    /// ever; nullopt if that is one of them.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> most_at_percentile(double percent) const;

    /// True if the latency at this percentile is known to be at least so long, and may be longer by 5 % or
    /// more.
    [[nodiscard]] bool rests_on_bounds(double percent) const;

    /// What became of all requests that were sent, as far as the answers tell.
    struct tally {
        std::uint64_t sent = 0;
        std::uint64_t answered = 0;  // and right
        std::uint64_t lost = 0;      // neither answered, nor wrong, nor given up
        std::uint64_t given_up = 0;  // by the load: when it ended, or behind a wrong answer
        std::uint64_t doubled = 0;   // an answer, or a part of it, came twice
        std::uint64_t reordered = 0; // an answer came before its turn
        std::uint64_t crossed = 0;   // another connection's bytes came
        std::uint64_t corrupt = 0;   // bytes were changed, or nobody's
    };
    [[nodiscard]] tally totals() const;

    /// Adds what another thread's book says of all of the run and without the warm-up. Numbers that both have
    /// seen are errors.
    void add(const run_stats& other);

    // ---- What the run's owner decides. ----
    std::uint64_t requests_left = std::numeric_limits<std::uint64_t>::max(); // no request begins when it is 0
    clock::time_point from{};                           // what is verified earlier is warm-up
    clock::time_point until = clock::time_point::max(); // what is verified later came after the run; what
                                                        // begins later does not count at all

    bool has_schedule = false;                    // requests are due at times of their own
    std::chrono::nanoseconds expected_interval{}; // between requests; 0: not known
    histogram* recent = nullptr;                  // also records each latency, where it is wanted

    // ---- All of the run. ----
    std::uint64_t connections = 0; // the highest number of one
    std::uint64_t all_asked = 0;
    std::uint64_t all_answered = 0;
    std::uint64_t all_wrong = 0;    // requests that got a wrong answer instead of theirs
    std::uint64_t all_given_up = 0; // by the load itself: see tally
    clock::time_point latest{};     // when the last answer was verified
    histogram first_answers;        // of each connection: how long its first request took from when it was sent
    failures errors;
    seen_numbers numbers; // that the counter gave out

    // ---- Without the warm-up. ----
    histogram latency;                // of all requests; what came after the run took long, and counts here
    histogram bounds;                 // those of them that were never answered: how long they waited at least
    histogram uncorrected;            // with a schedule: from when they were sent, not from when they were due
    histogram send_lag;               // with a schedule: how much later than due and possible they were sent
    histogram corrected;              // with an interval: and of those that nobody asked during long answers
    std::uint64_t answered = 0;       // and verified before the end of the run, like those below
    std::uint64_t bytes_sent = 0;     // for these answers
    std::uint64_t bytes_received = 0; // in these answers
};

} // namespace parley
