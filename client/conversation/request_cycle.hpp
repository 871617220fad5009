// The requests of one connection: creates them, verifies the responses and measures the latency. A session of
// protocols.hpp uses it, and the statistics of the run (run_stats.hpp) record the result.
#pragma once

#include "client/conversation/diagnosis.hpp"
#include "client/conversation/expected_response.hpp"
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

/// The user's options for the requests to any service.
struct request_options {
    std::uint64_t seed = 1;                   // of the generated payload
    std::size_t size = 64;                    // of a request to echo, counter or hello, in bytes
    int digits = 100;                         // of pi
    std::chrono::milliseconds wait{10};       // of service wait
    std::string greeting = "welcome to here"; // of service welcome
    std::optional<std::string> say;           // the request itself, instead of all options above
    int pipeline = 1;                         // requests to echo and raw that are sent together
    framing how = framing::none;              // of requests to echo and raw, and of their responses
    std::string send;                         // request to raw; empty: none, the server sends first
    std::string expect;                       // response of raw, as parsed by response_matcher
    std::uint64_t per_connection = std::numeric_limits<std::uint64_t>::max();
};

/// request_options resolved for one service; shared by its connections.
struct request_plan {
    request_options options;
    std::string request;                     // the bytes of each request; empty: generated for each
    std::string response;                    // response to that request, if it is fixed
    std::optional<response_matcher> rule;    // ... or the rule for a response of raw
    std::chrono::milliseconds least_time{0}; // of a response
    bool scheduled = false;                  // each request waits for its turn: see turn()
};

class request_cycle {
public:
    using clock = run_stats::clock;

    /// A large request is sent in parts while its response arrives, with at most this number of bytes in
    /// flight. The socket buffers hold more, so client and server cannot both block on writing.
    static constexpr std::size_t most_under_way = 32 * 1024;

    /// Minimum size of all parts except the last. The next part acknowledges a response of this size
    /// immediately. Larger parts would wait for delayed acknowledgements (tcp(7), TCP_QUICKACK).
    static constexpr std::size_t least_part = 4 * 1024;

    /// `connection` is the number of the connection in its run, which makes its payload unique. `begun` is the
    /// start of connect(2). `quota` is the number of requests that it may still begin; nullptr: limited by
    /// `stats` only. Plan, stats and quota must outlive it.
    request_cycle(const request_plan& plan, run_stats& stats, std::uint64_t connection,
                  clock::time_point begun = clock::now(), std::uint64_t* quota = nullptr)
        : plan_{plan}, stats_{stats}, quota_{quota}, connection_{connection}, since_{begun} {
        stats.connections = std::max(stats.connections, connection);
    }
    request_cycle(const request_cycle&) = delete;
    request_cycle& operator=(const request_cycle&) = delete;

    // ---- For the session. ----

    /// Await this before begin(). It lasts until the event loop gives this connection its turn, and takes no
    /// time if requests are not scheduled.
    [[nodiscard]] delay_wanted turn();

    /// Starts the next request. Returns false if there is none.
    bool begin();

    /// Returns the number of the request on this connection, from 1.
    [[nodiscard]] std::uint64_t request() const { return request_; }
    [[nodiscard]] const request_plan& plan() const { return plan_; }

    /// Returns the next part of the request to send and expect back. Empty if everything is sent or enough is
    /// in flight. Valid until the next call.
    std::string_view next_part();

    /// Returns the request as a line with its newline: the given one, or generated letters. Valid until the
    /// next call.
    std::string_view line();

    /// Returns the request as one message with the framing of the plan. Valid until the next call.
    std::string_view message();

    /// Replaces begin() and ask(): starts up to `pipeline` requests and returns their bytes, to be sent now.
    /// Empty if there is no request left. take() stops the clock of each request when its response is complete.
    std::string_view batch();

    /// Call this just before `text` is sent. The first call for a request starts its clock. If nothing is sent,
    /// the clock runs since the start of connect(2). `response` is the expected response. Returns the text.
    std::string_view ask(std::string_view text, const expected_response& response);

    /// Verifies received bytes; nullopt means the end of input. Throws conversation_failed if they are not the
    /// expected ones.
    void take(std::optional<std::string_view> bytes);

    /// Verifies received bytes of a response that is matched by a rule.
    void take(match_response& response, std::optional<std::string_view> bytes);

    /// True if the expected response is complete.
    [[nodiscard]] bool complete() const { return expected_.complete(); }

    /// Returns the number in the response.
    [[nodiscard]] std::uint64_t number() const { return expected_.number(); }

    /// Records a verified response. Stops the clock and returns the latency.
    clock::duration answered();

    /// True if the service did not send this number before, on any connection.
    bool is_new(std::uint64_t number) { return stats_.numbers.insert(number); }

    /// Records a response with wrong content; the conversation continues. `cause` is the kind of error.
    void complain(std::string_view cause, std::string_view text);

    // ---- For the event loop. ----

    /// Sets the due time of the next request. Its latency counts from then, even if it is sent later.
    void due(clock::time_point intended) { due_ = intended; }

    /// Gives up pending requests. The statistics record how long they have waited.
    void abandon(clock::time_point now);

    /// True if nothing more will be sent, so that the write side can be shut down.
    [[nodiscard]] bool has_ended() const { return state_ == state::ended; }

    /// Returns when the current wait began: for the response, or for the server to close.
    [[nodiscard]] clock::time_point waiting_since() const { return since_; }

    /// Return the numbers of requests begun and answered so far.
    [[nodiscard]] std::uint64_t asked() const { return request_; }
    [[nodiscard]] std::uint64_t replies() const { return replies_; }

    /// Also appends all received bytes to `received`, which must outlive this.
    void keep_in(std::string& received) { received_text_ = &received; }

private:
    enum class state { ready, asking, waiting, ended };

    bool has_no_more() const;
    std::uint64_t current() const { return in_batch_ > 0 ? request_ - in_batch_ + 1 : request_; }
    void close_answered();
    std::string place() const; // "request 17 of connection 3"
    [[noreturn]] void closed_early(const std::string& expected) const;
    [[noreturn]] void wrong(std::string_view received) const;
    [[nodiscard]] diagnosis diagnosed(std::string_view received) const;

    const request_plan& plan_;
    run_stats& stats_;
    std::uint64_t* quota_;
    std::uint64_t connection_;
    std::uint64_t request_ = 0;
    std::uint64_t replies_ = 0;
    state state_ = state::ready;
    clock::time_point since_;
    std::optional<clock::time_point> due_;
    clock::time_point free_since_{}; // since then nothing is pending, and the next request can be sent
    std::uint64_t sent_ = 0;         // bytes of this request
    std::uint64_t received_ = 0;
    std::uint64_t in_batch_ = 0; // requests of the batch that are not yet answered
    std::size_t reply_size_ = 0; // of each response in the batch
    std::string batch_;
    expected_response expected_;
    std::string generated_; // memory of the bytes sent
    enum class form {
        fixed,
        bytes,
        hex
    } form_ = form::fixed; // of the payload: given, or generated as bytes or hexadecimal digits
    std::string* received_text_ = nullptr;
};

} // namespace parley
