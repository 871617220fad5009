// One thread of the load generator: a reactor on epoll(7) that runs a share of the connections. In a closed
// loop each connection waits for its reply before the next request. In an open loop requests are due by a
// schedule, and a free connection sends the oldest one. Read load_connection.hpp first.
#pragma once

#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_connection.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/engine/start_barrier.hpp"

#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace parley {

/// What the threads of a load share, and the number of this thread. The references must outlive the engine.
struct engine_share {
    const load_options& options;
    const protocol& with;
    const request_plan& plan;
    const std::vector<address>& targets;
    const tls_client* tls; // null: plain TCP
    start_barrier& start;
    intervals& collector;
    int stop; // descriptor that becomes readable to end the load early
    int thread = 0;
};

class engine {
public:
    engine(const engine_share& share, const load_watch& watch);

    /// Runs this thread's share of the load to its end. Call once.
    load_result run();

private:
    using clock = run_stats::clock;

    // ---- One connection. ----
    const address* source_for(const address& target);
    void open(load_connection& connection);
    void finish_connecting(load_connection& connection);
    void handshake(load_connection& connection);
    void begin_session(load_connection& connection);
    void resume(load_connection& connection);
    void handle_event(load_connection& connection);
    void enqueue(load_connection& connection);
    void dispatch(load_connection& connection, std::optional<clock::time_point> due = {});
    void close(load_connection& connection);
    void handle_failure(load_connection& connection, const failure& failure);
    void note_attempt(load_connection& connection);
    void set_interest(load_connection& connection, std::uint32_t events);
    void check_timeouts(load_connection& connection, clock::time_point now);

    // ---- All connections. ----
    void open_some(clock::time_point now);
    void dispatch_due(clock::time_point now);
    void wait_for_events();
    clock::time_point next_event() const;
    void advance_to(clock::time_point now);
    void begin(clock::time_point start);
    void follow_profile(clock::time_point now);
    void sample_throughput(clock::time_point now);
    void sample_cpu(clock::time_point now);
    void end_interval(clock::time_point end);
    clock::time_point interval_end() const;
    void drain();
    void interrupt();
    void end_counting(ending ending, clock::time_point now);
    void count_never_sent();
    void stop_requests();
    load_connection* next_waiting();

    /// The index of this thread among the threads of all agents, and the number of those threads.
    int number() const { return options_.agent * options_.threads + share_.thread; }
    int thread_count() const { return options_.agents * options_.threads; }

    std::size_t wanted() const { return std::min(wanted_, connections_.size()); }
    bool all_opened() const { return opened_ >= wanted(); }
    bool has_begun() const { return begun_ != clock::time_point{}; }
    bool is_over() const { return result_.stats.requests_left == 0 && up_ == 0; }

    const engine_share share_;
    const load_options& options_;
    const load_watch& watch_;

    unique_fd poll_;
    std::unique_ptr<read_buffer> buffer_;
    slot slot_{};                             // the driver counts into it; it is not read here
    std::deque<load_connection> connections_; // addresses are stable, because epoll holds pointers to them
    std::size_t wanted_;                      // connections that should be open now
    std::size_t opened_ = 0;                  // connections whose first attempt has started
    std::size_t attempted_ = 0;               // connections whose first attempt has ended
    int up_ = 0;                              // connections that are up now

    std::optional<schedule> schedule_;
    std::optional<profile> connection_profile_; // number of connections over time
    bool all_saturating_;                       // see all_saturating()
    std::deque<load_connection*> waiting_;      // idle connections, longest first
    std::deque<std::pair<clock::time_point, load_connection*>>
        thinking_; // thinking connections, by wake-up time

    bool is_counting_ = false; // the warm-up is over
    bool has_ended_ = false;   // the counted time is over
    bool is_draining_ = false;
    std::optional<clock::time_point> cool_down_end_;
    clock::time_point created_ = clock::now();
    clock::time_point begun_{}; // start of the load, after the connections were made
    clock::time_point next_tick_ = created_;
    std::size_t next_source_ = 0;
    std::size_t interval_number_ = 0; // of the current interval
    interval interval_;               // what happened in it
    std::uint64_t asked_before_ = 0;  // at the start of the interval
    std::uint64_t errors_before_ = 0;
    std::uint64_t asked_at_end_ = std::numeric_limits<std::uint64_t>::max(); // at the start of the cool-down
    cpu_time cpu_before_{};                                                  // at the end of the warm-up
    load_result result_;
};

} // namespace parley
