// An event loop by hand: one epoll descriptor, level-triggered, watches the door and all conversations, each
// of which is suspended in its driver until the kernel says that it can go on. The heart of epoll, loops and
// loop-pool.
#pragma once

#include "common/net/listener.hpp"
#include "server/accept/admission.hpp"
#include "server/loops/served_connection.hpp"
#include "server/loops/work_pool.hpp"
#include "server/model.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>

namespace parley {

class readiness_loop {
public:
    /// Serves the clients of `door` as worker `number`. Work for the processor goes to `pool`, or, where there
    /// is none, is done on the loop, which keeps everybody waiting.
    readiness_loop(listener& door, const service& offered, const model_options& options, int number,
                   work_pool* pool = nullptr);
    readiness_loop(const readiness_loop&) = delete;
    readiness_loop& operator=(const readiness_loop&) = delete;

    /// Until a stop is requested and all conversations have ended.
    void run();

private:
    using time_point = served_connection::time_point;

    struct client {
        client(connection wire, const service& offered, worker& by) : talk{std::move(wire), offered, by} {}

        served_connection talk;
        enum class state { talking, pausing, yielding, working, ended } now = state::talking;
        std::optional<std::uint32_t> watched;               // the events that epoll watches for it
        std::list<client>::iterator self;                   // where it lives
        std::multimap<time_point, client*>::iterator alarm; // while it pauses or yields
    };

    void watch_door();
    void shut_door();
    void accept_clients(int most);
    void let_in(connection wire);
    void ready(client& each, std::uint32_t events);
    void go_on(client& each);
    void proceed(client& each);
    void resume_at(client& each, time_point time, client::state meanwhile);
    void watch(client& each, std::uint32_t events);
    void forget(client& each);
    void end(client& each);
    void finish_work();
    void wake_pausing(time_point now);
    void look_for_overdue(time_point now);
    [[nodiscard]] int patience() const;

    listener& door_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    work_pool* pool_;
    work_pool::results results_; // what the pool has done for this loop
    unique_fd epoll_;
    bool door_watched_ = false;
    bool door_shut_ = false;
    bool somebody_waits_ = false; // before the door, as far as we know
    int turns_with_clients_ = 0;  // that came, one after the other
    reception reception_;
    std::list<client> live_;
    std::list<client> ended_; // until the events at hand have been gone through: one may still name it
    std::multimap<time_point, client*> alarms_;
    time_point look_again_{};
    std::unique_ptr<input_area> spare_;
};

} // namespace parley
