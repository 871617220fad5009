#include "server/loops/epoll_loop.hpp"

#include "common/check.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <utility>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int most_events = 256;
constexpr int most_accepts = 64; // in one turn: most of it is for those who talk already

/// False: the kernel has no memory for it, or watches too much already; errno tells.
bool control(const unique_fd& epoll, int operation, int socket, std::uint32_t events, void* what) {
    epoll_event event{.events = events, .data = {.ptr = what}};
    return epoll_ctl(epoll.get(), operation, socket, &event) == 0;
}

} // namespace

readiness_loop::readiness_loop(listener& door, const service& offered, const model_options& options, int number,
                               work_pool* pool)
    : door_{door},
      offered_{offered},
      options_{options},
      self_{options.board, number},
      pool_{pool},
      epoll_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })} {
    door_.non_blocking();
    if (!control(epoll_, EPOLL_CTL_ADD, stop_signal::descriptor(), EPOLLIN | EPOLLET, nullptr) ||
        !control(epoll_, EPOLL_CTL_ADD, results_.descriptor(), EPOLLIN, &results_))
        throw_errno("epoll_ctl");
}

void readiness_loop::run() {
    std::array<epoll_event, most_events> events;
    options_.ready();
    for (;;) {
        if (stop_signal::requested() && !door_shut_) shut_door();
        if (door_shut_ && live_.empty()) break;
        watch_door();
        bool door_is_ready = false;
        const int count = epoll_wait(epoll_.get(), events.data(), most_events, patience());
        const auto now = steady_clock::now(); // before the work: whoever sends meanwhile is not idle
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            void* const what = event.data.ptr;
            if (what == &door_)
                door_is_ready = true;
            else if (what == &results_)
                finish_work();
            else if (what)
                ready(*static_cast<client*>(what), event.events);
        }
        const bool is_crowded = count == most_events; // so the door's event may take many turns to come again
        somebody_waits_ = door_is_ready || (is_crowded && somebody_waits_);
        turns_with_clients_ = door_is_ready ? turns_with_clients_ + 1 : 0;
        if (somebody_waits_ && !door_shut_)
            accept_clients(is_crowded ? most_accepts : 1 << std::min(turns_with_clients_ / 4, 6));
        wake_pausing(now);
        if (now >= look_again_ || stop_signal::requested()) look_for_overdue(now);
        ended_.clear();
    }
}

/// Watches the door only while somebody may come in.
void readiness_loop::watch_door() {
    const bool open = !door_shut_ && !door_.breath_left() &&
                      live_.size() < static_cast<std::size_t>(options_.max_connections);
    if (open == door_watched_) return;
    const std::uint32_t exclusive =
        options_.accept == discipline::exclusive ? std::uint32_t{EPOLLEXCLUSIVE} : 0;
    door_watched_ = open;
    for (const auto& each : door_.sockets()) {
        if (control(epoll_, open ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, each.get(), EPOLLIN | exclusive, &door_))
            continue;
        if (!open || errno == EEXIST) continue; // one of several that is watched already
        door_.breathe("epoll_ctl", errno);
        door_watched_ = false;
    }
}

/// Those who stand before it come in first.
void readiness_loop::shut_door() {
    while (live_.size() < static_cast<std::size_t>(options_.max_connections)) {
        auto peer = door_.accept_last(listener::calls::non_blocking);
        if (!peer) break;
        let_in(std::move(*peer));
    }
    door_.shut();
    door_shut_ = true;
}

/// Few in a turn, and more if clients still wait in the next: to accept until nobody waits would take a call
/// more for each client that comes alone.
void readiness_loop::accept_clients(int most) {
    for (int i = 0; i < most && live_.size() < static_cast<std::size_t>(options_.max_connections); ++i) {
        auto peer = door_.try_accept(listener::calls::non_blocking);
        somebody_waits_ = peer.has_value();
        if (!peer) {
            turns_with_clients_ = 0;
            return;
        }
        let_in(std::move(*peer));
    }
}

void readiness_loop::let_in(connection wire) {
    if (!reception_.admit([&] { live_.emplace_front(std::move(wire), offered_, self_); })) return;
    live_.front().self = live_.begin();
    go_on(live_.front());
}

void readiness_loop::ready(client& each, std::uint32_t events) {
    const bool has_hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    switch (each.now) {
    case client::state::talking: return go_on(each);
    case client::state::yielding: return; // its turn comes
    case client::state::pausing:
        if (!has_hung_up) return watch(each, 0); // what it has to say can wait
        alarms_.erase(each.alarm);
        each.talk.lost("epoll_wait", ECONNRESET);
        return end(each);
    case client::state::working: return has_hung_up ? forget(each) : watch(each, 0);
    case client::state::ended: return;
    }
}

void readiness_loop::go_on(client& each) {
    each.now = client::state::talking;
    try {
        proceed(each);
    } catch (const std::bad_alloc& error) { // for its alarm, or its work
        reception_.complain(error);
        end(each);
    }
}

/// Does one piece of work at most, if there is no pool for it: the others have their turns between two.
void readiness_loop::proceed(client& each) {
    for (bool has_worked = false;;) {
        switch (each.talk.go_on(spare_)) {
        case served_connection::waits_for::input: return watch(each, EPOLLIN);
        case served_connection::waits_for::room: return watch(each, EPOLLOUT);
        case served_connection::waits_for::time:
            resume_at(each, steady_clock::now() + each.talk.pause(), client::state::pausing);
            return each.watched ? void() : watch(each, EPOLLIN); // a client that hangs up is let go
        case served_connection::waits_for::others:
            return resume_at(each, steady_clock::now(), client::state::yielding);
        case served_connection::waits_for::work:
            if (pool_) {
                pool_->submit(each.talk.work(), &each, results_);
                each.now = client::state::working;
                return;
            }
            if (std::exchange(has_worked, true))
                return resume_at(each, steady_clock::now(), client::state::yielding);
            each.talk.work()();
            each.talk.done();
            break;
        case served_connection::waits_for::nothing: return end(each);
        }
    }
}

void readiness_loop::resume_at(client& each, time_point time, client::state meanwhile) {
    each.alarm = alarms_.emplace(time, &each);
    each.now = meanwhile;
}

/// Most clients only ever wait for input, and so cost one call in their life. That a client hangs up is watched
/// for in any case.
void readiness_loop::watch(client& each, std::uint32_t events) {
    if (events == each.watched) return;
    const int operation = each.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!control(epoll_, operation, each.talk.descriptor(), events, &each)) {
        if (events == 0) return; // the next event tries it again
        if (each.now == client::state::pausing) alarms_.erase(each.alarm);
        each.talk.lost("epoll_ctl", errno);
        return end(each);
    }
    each.watched = events;
}

/// Until it waits for something again.
void readiness_loop::forget(client& each) {
    control(epoll_, EPOLL_CTL_DEL, each.talk.descriptor(), 0, &each);
    each.watched.reset();
}

void readiness_loop::end(client& each) {
    each.talk.hang_up(); // and so epoll forgets it
    each.now = client::state::ended;
    ended_.splice(ended_.begin(), live_, each.self);
}

void readiness_loop::finish_work() {
    for (void* const tag : results_.take()) {
        auto& each = *static_cast<client*>(tag);
        each.talk.done();
        go_on(each);
    }
}

void readiness_loop::wake_pausing(time_point now) {
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
        auto& each = *alarms_.begin()->second;
        alarms_.erase(alarms_.begin());
        if (each.now == client::state::pausing) each.talk.done();
        go_on(each);
    }
}

void readiness_loop::look_for_overdue(time_point now) {
    for (auto next = live_.begin(); next != live_.end();) {
        auto& each = *next++;
        if (!each.talk.overdue(now, options_.idle_timeout)) continue;
        each.talk.give_up();
        if (each.now == client::state::pausing || each.now == client::state::yielding)
            alarms_.erase(each.alarm);
        go_on(each);
    }
    look_again_ = now + served_connection::look_again_after(options_.idle_timeout);
}

/// Milliseconds until something must be done that no event announces; -1: never.
int readiness_loop::patience() const {
    auto until = time_point::max();
    if (!live_.empty()) until = look_again_;
    if (!alarms_.empty()) until = std::min(until, alarms_.begin()->first);
    auto left = until == time_point::max() ? milliseconds{-1}
                                           : std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (until != time_point::max()) left = std::max(left, milliseconds{0});
    if (const auto breath = door_.breath_left()) left = left.count() < 0 ? *breath : std::min(left, *breath);
    return static_cast<int>(left.count());
}

} // namespace parley
