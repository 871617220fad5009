// Reactor on epoll(7), level-triggered: one thread serves all clients of a listener. Used by the models epoll,
// loops and loop-pool.
//
// The kernel reports which sockets are ready; the loop then resumes the session of each, which runs until it
// must wait again. No call but epoll_wait(2) blocks. Read served_connection.hpp first.
//
// Level-triggered means that an event repeats until its cause is gone. So a client may be served in part, and
// the rest is reported in the next iteration; no loop until EAGAIN is needed. The price: an event that the loop
// cannot use now must be switched off, or epoll_wait(2) returns at once for ever. See watch() and
// watch_listener().
#pragma once

#include "common/net/listener.hpp"
#include "server/accept/admission.hpp"
#include "server/loops/served_connection.hpp"
#include "server/loops/timeout_schedule.hpp"
#include "server/loops/work_pool.hpp"
#include "server/model.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>

namespace parley {

class epoll_loop {
public:
    /// Serves the clients of `listener` as worker `number`. CPU-bound work of the sessions goes to `pool`;
    /// without a pool the loop does it itself, while all other clients wait.
    epoll_loop(listener& listener, const service& offered, const model_options& options, int number,
               work_pool* pool = nullptr);
    epoll_loop(const epoll_loop&) = delete;
    epoll_loop& operator=(const epoll_loop&) = delete;

    /// Returns when shutdown was requested and all sessions have ended.
    void run();

private:
    using time_point = served_connection::time_point;

    /// A connection and its place in the loop. Its address is the tag of its epoll events, timer and work: so
    /// it never moves, and is freed only when none of them can name it any more.
    struct epoll_client {
        epoll_client(connection connection, const service& offered, worker& worker)
            : served{std::move(connection), offered, worker} {}

        served_connection served;
        enum class status {
            active,    // runs, or waits for its socket
            pausing,   // waits for its timer; its socket is watched for hang-up
            yielding,  // resumes in the next iteration
            computing, // its work is in the pool
            closed
        } state = status::active;
        std::optional<std::uint32_t> watched_events;              // nullopt: not in the epoll set
        std::list<epoll_client>::iterator position;               // in clients_
        std::multimap<time_point, epoll_client*>::iterator timer; // valid while it pauses or yields
    };

    void watch_listener();
    void stop_accepting();
    void accept_clients(int limit);
    void add_client(connection connection);
    void on_event(epoll_client& client, std::uint32_t events);
    void resume(epoll_client& client);
    void run_session(epoll_client& client);
    void resume_at(epoll_client& client, time_point time, epoll_client::status state);
    void watch(epoll_client& client, std::uint32_t events);
    void unwatch(epoll_client& client);
    void close(epoll_client& client);
    void take_results();
    void fire_timers(time_point now);
    void check_timeouts(time_point now);
    [[nodiscard]] int poll_timeout() const;
    [[nodiscard]] bool has_room() const {
        return clients_.size() < static_cast<std::size_t>(options_.max_connections);
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker worker_;
    work_pool* pool_;
    work_pool::results results_; // work that the pool has finished for this loop
    unique_fd epoll_;
    bool listener_watched_ = false;
    bool accepting_stopped_ = false;
    bool accept_pending_ = false; // connections are in the backlog, as far as the loop knows
    int busy_iterations_ = 0;     // consecutive ones in which the listener was readable
    admission admission_;
    std::list<epoll_client> clients_;
    std::list<epoll_client>
        closed_; // freed after all events of the iteration: a later one may name such a client
    std::multimap<time_point, epoll_client*> timers_;
    timeout_schedule timeouts_{options_.idle_timeout};
    std::unique_ptr<read_buffer> buffer_; // shared by all clients: see nonblocking_driver::resume()
};

} // namespace parley
