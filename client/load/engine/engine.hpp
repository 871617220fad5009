// One thread of a load: some of the connections, in one epoll(7) loop, so that the generator stays cheap. In a
// closed loop each connection waits for its answer before it asks again; in an open loop requests are due by a
// schedule, and whichever connection is free sends the oldest one.
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

/// What all threads of a load have in common, and who this one is.
struct engine_share {
    const load_options& options;
    const protocol& with;
    const request_plan& plan;
    const std::vector<address>& targets;
    const tls_client* tls; // null: in the clear
    start_barrier& start;
    intervals& cut;
    int stop; // readable: end early
    int thread = 0;
};

class engine {
public:
    engine(const engine_share& share, const load_watch& watch);

    /// Runs its part of the load to the end.
    load_result run();

private:
    using clock = run_stats::clock;

    // ---- One caller. ----
    const address* source_for(const address& target);
    void open(load_connection& who);
    void connected(load_connection& who);
    void shake_hands(load_connection& who);
    void begin_talk(load_connection& who);
    void resume(load_connection& who);
    void heard_from(load_connection& who);
    void enqueue(load_connection& who);
    void dispatch(load_connection& who, std::optional<clock::time_point> due = {});
    void close(load_connection& who);
    void failed(load_connection& who, const failure& why);
    void tried(load_connection& who);
    void watch_for(load_connection& who, std::uint32_t events);
    void look_after(load_connection& who, clock::time_point now);

    // ---- All of them. ----
    void open_some(clock::time_point now);
    void give_turns(clock::time_point now);
    void wait_and_go_on();
    clock::time_point next_event() const;
    void pass_time(clock::time_point now);
    void begin(clock::time_point when);
    void follow_stages(clock::time_point now);
    void note_moment(clock::time_point now);
    void note_use(clock::time_point now);
    void end_interval(clock::time_point at);
    clock::time_point interval_end() const;
    void wind_up();
    void interrupt();
    void end_counting(ending how, clock::time_point now);
    void count_never_sent();
    load_connection* next_in_line();
    /// Our number among all threads of all agents, from 0, and how many those are.
    int number() const { return options_.agent * options_.threads + share_.thread; }
    int of_all() const { return options_.agents * options_.threads; }
    std::size_t wanted() const { return std::min(wanted_, connections_.size()); }
    bool all_opened() const { return opened_ >= wanted(); }
    bool has_begun() const { return begun_ != clock::time_point{}; }
    void leave();
    bool is_over() const { return result_.stats.requests_left == 0 && up_ == 0; }

    const engine_share share_;
    const load_options& options_;
    const load_watch& watch_;

    unique_fd poll_;
    std::unique_ptr<read_buffer> buffer_;
    slot notes_{};                            // the driver's, which nobody reads here
    std::deque<load_connection> connections_; // each stays where it is: epoll knows it by its address
    std::size_t wanted_;                      // so many of them should be open now
    std::size_t opened_ = 0;                  // so many of them have been opened for the first time
    std::size_t tried_ = 0;                   // ... and are connected, or have failed to
    int up_ = 0;                              // so many are up now

    std::optional<schedule> schedule_;
    std::optional<profile> connection_profile_; // how many connections there are when
    bool all_saturating_;                       // connections for the server, all the time
    std::deque<load_connection*> waiting_;      // who waits for a turn, and since when first
    std::deque<std::pair<clock::time_point, load_connection*>>
        thinking_; // who asks again when, the next one first

    bool counting_ = false; // the warm-up is over
    bool ended_ = false;
    std::optional<clock::time_point> leave_at_; // the end of the cool-down
    bool winding_up_ = false;
    clock::time_point came_ = clock::now();
    clock::time_point begun_{}; // of the load; before, connections are made
    clock::time_point next_tick_ = came_;
    std::size_t next_source_ = 0;
    std::size_t interval_ = 0; // the number of the one that runs
    interval part_;            // what has happened in it
    std::uint64_t asked_before_ = 0, errors_before_ = 0;
    std::uint64_t asked_at_end_ = std::numeric_limits<std::uint64_t>::max(); // before the cool-down
    cpu_time cpu_before_{};
    load_result result_;
};

} // namespace parley
