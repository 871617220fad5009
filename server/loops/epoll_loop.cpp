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

epoll_loop::epoll_loop(listener& listener, const service& offered, const model_options& options, int number,
                       work_pool* pool)
    : listener_{listener},
      offered_{offered},
      options_{options},
      self_{options.board, number},
      pool_{pool},
      epoll_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })} {
    listener_.set_nonblocking();
    if (!control(epoll_, EPOLL_CTL_ADD, stop_signal::descriptor(), EPOLLIN | EPOLLET, nullptr) ||
        !control(epoll_, EPOLL_CTL_ADD, results_.descriptor(), EPOLLIN, &results_))
        throw_errno("epoll_ctl");
}

void epoll_loop::run() {
    std::array<epoll_event, most_events> events;
    options_.ready();
    for (;;) {
        if (stop_signal::is_requested() && !accepting_stopped_) stop_accepting();
        if (accepting_stopped_ && live_.empty()) break;
        watch_listener();
        bool door_is_ready = false;
        const int count = epoll_wait(epoll_.get(), events.data(), most_events, poll_timeout());
        const auto now = steady_clock::now(); // before the work: whoever sends meanwhile is not idle
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            void* const what = event.data.ptr;
            if (what == &listener_)
                door_is_ready = true;
            else if (what == &results_)
                finish_work();
            else if (what)
                ready(*static_cast<client*>(what), event.events);
        }
        const bool is_crowded = count == most_events; // so the door's event may take many turns to come again
        accept_pending_ = door_is_ready || (is_crowded && accept_pending_);
        turns_with_clients_ = door_is_ready ? turns_with_clients_ + 1 : 0;
        if (accept_pending_ && !accepting_stopped_)
            accept_clients(is_crowded ? most_accepts : 1 << std::min(turns_with_clients_ / 4, 6));
        wake_pausing(now);
        if (timeouts_.is_due(now)) check_timeouts(now);
        ended_.clear();
    }
}

/// Watches the door only while somebody may come in.
void epoll_loop::watch_listener() {
    const bool open = !accepting_stopped_ && !listener_.backoff_left() && has_room();
    if (open == listener_watched_) return;
    const std::uint32_t exclusive =
        options_.accept == accept_strategy::epoll_exclusive ? std::uint32_t{EPOLLEXCLUSIVE} : 0;
    listener_watched_ = open;
    for (const auto& each : listener_.sockets()) {
        if (control(epoll_, open ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, each.get(), EPOLLIN | exclusive, &listener_))
            continue;
        if (!open || errno == EEXIST) continue; // one of several that is watched already
        listener_.back_off("epoll_ctl", errno);
        listener_watched_ = false;
    }
}

/// Those who stand before it come in first.
void epoll_loop::stop_accepting() {
    listener_.drain_backlog(
        listener::calls::non_blocking, [&] { return has_room(); },
        [&](connection connection) { add_client(std::move(connection)); });
    listener_.stop_listening();
    accepting_stopped_ = true;
}

/// Few in a turn, and more if clients still wait in the next: to accept until nobody waits would take a call
/// more for each client that comes alone.
void epoll_loop::accept_clients(int most) {
    for (int i = 0; i < most && has_room(); ++i) {
        auto peer = listener_.try_accept(listener::calls::non_blocking);
        accept_pending_ = peer.has_value();
        if (!peer) {
            turns_with_clients_ = 0;
            return;
        }
        add_client(std::move(*peer));
    }
}

void epoll_loop::add_client(connection connection) {
    if (!admission_.admit([&] { live_.emplace_front(std::move(connection), offered_, self_); })) return;
    live_.front().self = live_.begin();
    resume(live_.front());
}

void epoll_loop::ready(client& each, std::uint32_t events) {
    const bool has_hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    switch (each.now) {
    case client::state::talking: return resume(each);
    case client::state::yielding: return; // its turn comes
    case client::state::pausing:
        if (!has_hung_up) return watch(each, 0); // what it has to say can wait
        timers_.erase(each.timer);
        each.served.lost("epoll_wait", ECONNRESET);
        return end(each);
    case client::state::working: return has_hung_up ? forget(each) : watch(each, 0);
    case client::state::ended: return;
    }
}

void epoll_loop::resume(client& each) {
    each.now = client::state::talking;
    try {
        proceed(each);
    } catch (const std::bad_alloc& error) { // for its alarm, or its work
        admission_.complain(error);
        end(each);
    }
}

/// Does one piece of work at most, if there is no pool for it: the others have their turns between two.
void epoll_loop::proceed(client& each) {
    for (bool has_worked = false;;) {
        switch (each.served.resume(buffer_)) {
        case served_connection::wants::read: return watch(each, EPOLLIN);
        case served_connection::wants::write: return watch(each, EPOLLOUT);
        case served_connection::wants::timer:
            resume_at(each, steady_clock::now() + each.served.pause(), client::state::pausing);
            return each.watched ? void() : watch(each, EPOLLIN); // a client that hangs up is let go
        case served_connection::wants::yield:
            return resume_at(each, steady_clock::now(), client::state::yielding);
        case served_connection::wants::compute:
            if (pool_) {
                pool_->submit(each.served.work(), &each, results_);
                each.now = client::state::working;
                return;
            }
            if (std::exchange(has_worked, true))
                return resume_at(each, steady_clock::now(), client::state::yielding);
            each.served.work()();
            each.served.done();
            break;
        case served_connection::wants::done: return end(each);
        }
    }
}

void epoll_loop::resume_at(client& each, time_point time, client::state meanwhile) {
    each.timer = timers_.emplace(time, &each);
    each.now = meanwhile;
}

/// Most clients only ever wait for input, and so cost one call in their life. That a client hangs up is watched
/// for in any case.
void epoll_loop::watch(client& each, std::uint32_t events) {
    if (events == each.watched) return;
    const int operation = each.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!control(epoll_, operation, each.served.descriptor(), events, &each)) {
        if (events == 0) return; // the next event tries it again
        if (each.now == client::state::pausing) timers_.erase(each.timer);
        each.served.lost("epoll_ctl", errno);
        return end(each);
    }
    each.watched = events;
}

/// Until it waits for something again.
void epoll_loop::forget(client& each) {
    control(epoll_, EPOLL_CTL_DEL, each.served.descriptor(), 0, &each);
    each.watched.reset();
}

void epoll_loop::end(client& each) {
    each.served.hang_up(); // and so epoll forgets it
    each.now = client::state::ended;
    ended_.splice(ended_.begin(), live_, each.self);
}

void epoll_loop::finish_work() {
    for (void* const tag : results_.take()) {
        auto& each = *static_cast<client*>(tag);
        each.served.done();
        resume(each);
    }
}

void epoll_loop::wake_pausing(time_point now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto& each = *timers_.begin()->second;
        timers_.erase(timers_.begin());
        if (each.now == client::state::pausing) each.served.done();
        resume(each);
    }
}

void epoll_loop::check_timeouts(time_point now) {
    for (auto next = live_.begin(); next != live_.end();) {
        auto& each = *next++;
        if (!each.served.timed_out(now, options_.idle_timeout)) continue;
        each.served.give_up();
        if (each.now == client::state::pausing || each.now == client::state::yielding)
            timers_.erase(each.timer);
        resume(each);
    }
}

/// Milliseconds until something must be done that no event announces; -1: never.
int epoll_loop::poll_timeout() const {
    auto until = time_point::max();
    if (!live_.empty()) until = timeouts_.next();
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    auto left = until == time_point::max() ? milliseconds{-1}
                                           : std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (until != time_point::max()) left = std::max(left, milliseconds{0});
    if (const auto accept_backoff = listener_.backoff_left())
        left = left.count() < 0 ? *accept_backoff : std::min(left, *accept_backoff);
    return static_cast<int>(left.count());
}

} // namespace parley
