// The requests of one connection: what to ask next, whether what comes is the answer, and how long it took.
// A conversation (conversations.hpp) turns them into a session; the ledger of the run gets the outcome.
#pragma once

#include "client/conversation/expected_response.hpp"
#include "client/conversation/mismatch.hpp"
#include "client/conversation/response_rule.hpp"
#include "client/conversation/run_stats.hpp"
#include "common/session/session.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// What a user can say about the requests to any service.
struct request_options {
    std::uint64_t seed = 1;                   // of all that is made up
    std::size_t size = 64;                    // of a request to echo, counter or hello, in bytes
    int digits = 100;                         // of pi
    std::chrono::milliseconds wait{10};       // of service wait
    std::string greeting = "welcome to here"; // of service welcome
    std::optional<std::string> say;           // the request itself, instead of all above
    int pipeline = 1;                         // requests to echo and raw that are sent at once
    framing how = framing::none;              // of what is sent to echo and raw, and of their answers
    std::string send;                         // to raw; empty: nothing, the server speaks first
    std::string expect;                       // of raw, as response_matcher reads it
    std::uint64_t per_connection = std::numeric_limits<std::uint64_t>::max();
};

/// The same, worked out for one service: the same for all its connections.
struct request_plan {
    request_options options;
    std::string request;                     // all that is sent for one request; empty: made up for each
    std::string answer;                      // to that request, where it is always the same
    std::optional<response_matcher> rule;    // ... or, of raw, what makes it right
    std::chrono::milliseconds least_time{0}; // that an answer takes
    bool scheduled = false;                  // each request waits until its turn comes (exchange::turn)
};

class request_cycle {
public:
    using clock = run_stats::clock;

    /// A large request is sent in parts while its answer comes: never more than this is under way. The sockets
    /// between two ends hold more, so they can never both wait for room.
    static constexpr std::size_t most_under_way = 32 * 1024;

    /// No part but the last is smaller. What comes back in pieces of this size is acknowledged by the next
    /// part at once; larger parts would wait for delayed acknowledgements (tcp(7), TCP_QUICKACK).
    static constexpr std::size_t least_part = 4 * 1024;

    /// `connection` is the connection's number in its run: it makes its payload unlike all others. `begun` is
    /// when it began to be made. `quota` is how many requests it may still begin; none: as many as the book
    /// allows. Plan, book and quota must outlive it.
    request_cycle(const request_plan& plan, run_stats& stats, std::uint64_t connection,
                  clock::time_point begun = clock::now(), std::uint64_t* quota = nullptr)
        : plan_{plan}, stats_{stats}, quota_{quota}, connection_{connection}, since_{begun} {
        stats.connections = std::max(stats.connections, connection);
    }
    request_cycle(const request_cycle&) = delete;
    request_cycle& operator=(const request_cycle&) = delete;

    // ---- For the conversation. ----

    /// To be awaited before begin(): lasts until who runs the conversation says that it is this connection's
    /// turn; no time at all where requests do not wait for turns.
    [[nodiscard]] delay_wanted turn();

    /// Is there one more request? Then it begins.
    bool begin();

    /// Its number on this connection, from 1.
    [[nodiscard]] std::uint64_t request() const { return request_; }
    [[nodiscard]] const request_plan& plan() const { return plan_; }

    /// The next part of the request, the given one or one made up, to be sent now and echoed; nothing where
    /// all is sent, or enough is under way. Valid until the next call.
    std::string_view next_part();

    /// The request as a line with its newline: the given one, or letters made up. Valid until the next call.
    std::string_view line();

    /// The request as one message, framed as the plan says. Valid until the next call.
    std::string_view message();

    /// Instead of begin() and what follows it: as many requests as are to be sent at once, where there are as
    /// many left, to be sent now. Empty: there is none. take() then stops the clock of each when its answer is
    /// complete.
    std::string_view batch();

    /// To be called just before `text` is sent: the first of a request starts the clock (where nothing is sent,
    /// the clock has run since the connection began to be made). `answer` must come next. Returns the text.
    std::string_view ask(std::string_view text, const expected_response& answer);

    /// Compares what came; nothing is the end of input. Throws conversation_failed where it is not what was
    /// expected.
    void take(std::optional<std::string_view> bytes);

    /// The same, for an answer that is right by a rule.
    void take(match_response& answer, std::optional<std::string_view> bytes);

    /// Has all come that was expected?
    [[nodiscard]] bool complete() const { return expected_.complete(); }

    /// The number in the answer.
    [[nodiscard]] std::uint64_t number() const { return expected_.number(); }

    /// The request has been answered and verified; stops the clock. Returns how long it took.
    clock::duration answered();

    /// Is it a number that the service never gave to any connection before?
    bool is_new(std::uint64_t number) { return stats_.numbers.insert(number); }

    /// The answer had the right form and the wrong content; the conversation goes on. `cause` names the
    /// kind of mistake.
    void complain(std::string_view cause, std::string_view what);

    // ---- For who runs the conversation. ----

    /// The next request is due, or was due at that time: its latency counts from then, whenever it is sent.
    void due(clock::time_point intended) { due_ = intended; }

    /// What has been asked and not answered will not be answered any more: the book is told how long it has
    /// waited.
    void abandon(clock::time_point now);

    /// Nothing more will be sent: our direction of the connection can be ended.
    [[nodiscard]] bool has_ended() const { return state_ == state::ended; }

    /// Since when has it been waiting for what it waits for: an answer, or the server's end.
    [[nodiscard]] clock::time_point waiting_since() const { return since_; }

    /// How many requests have been asked and answered so far.
    [[nodiscard]] std::uint64_t asked() const { return request_; }
    [[nodiscard]] std::uint64_t answers() const { return answers_; }

    /// Everything that comes is also added to `heard`, which must outlive the exchange.
    void keep_in(std::string& received) { received_text_ = &received; }

private:
    enum class state { ready, asking, waiting, ended };

    bool has_no_more() const;
    std::uint64_t current() const { return in_batch_ > 0 ? request_ - in_batch_ + 1 : request_; }
    void close_answered();
    std::string place() const; // "request 17 of connection 3"
    [[noreturn]] void closed_early(const std::string& expected) const;
    [[noreturn]] void wrong(std::string_view came) const;
    [[nodiscard]] mismatch explained(std::string_view came) const;

    const request_plan& plan_;
    run_stats& stats_;
    std::uint64_t* quota_;
    std::uint64_t connection_;
    std::uint64_t request_ = 0;
    std::uint64_t answers_ = 0;
    state state_ = state::ready;
    clock::time_point since_;
    std::optional<clock::time_point> due_;
    clock::time_point free_since_{}; // nothing was under way any more, so the next one could have been sent
    std::uint64_t sent_ = 0;         // of this request
    std::uint64_t received_ = 0;
    std::uint64_t in_batch_ = 0;  // requests that were sent together, and are not yet answered
    std::size_t answer_size_ = 0; // of each of them
    std::string batch_;
    expected_response expected_;
    std::string made_up_; // memory for what is sent
    enum class form {
        fixed,
        bytes,
        hex
    } form_ = form::fixed; // of what is asked and comes back: is it made up?
    std::string* received_text_ = nullptr;
};

} // namespace parley
