// An event loop by hand: one epoll descriptor, level-triggered, watches the door and all conversations, each
// of which is suspended in its driver until the kernel says that it can go on. The heart of epoll, loops and
// loop-pool.
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
    /// Serves the clients of `listener` as worker `number`. Work for the processor goes to `pool`, or, where
    /// there is none, is done on the loop, which keeps everybody waiting.
    epoll_loop(listener& listener, const service& offered, const model_options& options, int number,
               work_pool* pool = nullptr);
    epoll_loop(const epoll_loop&) = delete;
    epoll_loop& operator=(const epoll_loop&) = delete;

    /// Until a stop is requested and all conversations have ended.
    void run();

private:
    using time_point = served_connection::time_point;

    struct client {
        client(connection connection, const service& offered, worker& worker)
            : served{std::move(connection), offered, worker} {}

        served_connection served;
        enum class state { talking, pausing, yielding, working, ended } now = state::talking;
        std::optional<std::uint32_t> watched;               // the events that epoll watches for it
        std::list<client>::iterator self;                   // where it lives
        std::multimap<time_point, client*>::iterator timer; // while it pauses or yields
    };

    void watch_listener();
    void stop_accepting();
    void accept_clients(int most);
    void add_client(connection connection);
    void ready(client& each, std::uint32_t events);
    void resume(client& each);
    void proceed(client& each);
    void resume_at(client& each, time_point time, client::state meanwhile);
    void watch(client& each, std::uint32_t events);
    void forget(client& each);
    void end(client& each);
    void finish_work();
    void wake_pausing(time_point now);
    void check_timeouts(time_point now);
    [[nodiscard]] int poll_timeout() const;
    [[nodiscard]] bool has_room() const {
        return live_.size() < static_cast<std::size_t>(options_.max_connections);
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    work_pool* pool_;
    work_pool::results results_; // what the pool has done for this loop
    unique_fd epoll_;
    bool listener_watched_ = false;
    bool accepting_stopped_ = false;
    bool accept_pending_ = false; // before the door, as far as we know
    int turns_with_clients_ = 0;  // that came, one after the other
    admission admission_;
    std::list<client> live_;
    std::list<client> ended_; // until the events at hand have been gone through: one may still name it
    std::multimap<time_point, client*> timers_;
    timeout_schedule timeouts_{options_.idle_timeout};
    std::unique_ptr<read_buffer> buffer_;
};

} // namespace parley
