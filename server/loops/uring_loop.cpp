#include "server/loops/uring_loop.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"

#include <poll.h>
#include <utility>

namespace parley {

namespace {
/// Operations that accept at the same time for one listening socket. The kernel goes through all that wait at
/// each new client: with 16 of them, short connections cost 7 %; with one, a burst of clients takes a turn
/// each.
constexpr std::size_t accepts_per_socket = 2;
} // namespace

void completion_loop::run() {
    ring_.watch(stop_signal::descriptor(), &stopping_);
    for (const auto& each : door_.sockets())
        for (std::size_t i = 0; i != accepts_per_socket; ++i) accepts_.emplace_back().socket = each.get();
    open_door();
    options_.ready();
    for (;;) {
        if (stop_signal::requested() && !door_shut_) shut_door();
        if (door_shut_ && live_.empty() && waiting_.empty()) break;
        const auto& completed = ring_.wait(wait_limit());
        const auto now = coarse_now(); // before the work: whoever sends meanwhile is not idle
        for (const auto& each : completed) {
            auto* const of = static_cast<operation*>(each.tag);
            if (of == &stopping_) continue;
            if (!of->whose)
                accepted(*static_cast<accept_operation*>(of), each);
            else
                of == &of->whose->receiving ? received(*of->whose, each) : done(*of->whose, each);
        }
        look_for_overdue(now);
        admit_waiting();
        open_door();
    }
}

/// Those who stand before it come in first.
void completion_loop::shut_door() {
    for (admit_waiting(); room() > 0;) {
        auto peer = door_.accept_last(listener::calls::blocking);
        if (!peer) break;
        let_in(std::move(*peer));
    }
    door_.shut();
    for (auto& each : accepts_)
        if (each.is_pending) ring_.cancel(&each); // a lent door is not shut
    door_shut_ = true;
}

/// Accepts at each listening socket, as long as there is room and breath. One operation more than there is
/// room for each of several sockets: the one that comes too late has its client wait.
void completion_loop::open_door() {
    if (stop_signal::requested() || room() == 0 || !waiting_.empty() || door_.breath_left()) return;
    const auto sockets = accepts_.size() / accepts_per_socket;
    const auto share = std::clamp<std::size_t>(room() / sockets, 1, accepts_per_socket);
    for (auto first = accepts_.begin(); first != accepts_.end(); first += accepts_per_socket) {
        const auto last = first + accepts_per_socket;
        auto pending =
            static_cast<std::size_t>(std::count_if(first, last, [](auto& each) { return each.is_pending; }));
        for (auto each = first; each != last && pending < share; ++each) {
            if (each->is_pending) continue;
            each->size = sizeof each->peer;
            ring_.accept(each->socket, &each->peer, &each->size, &*each);
            each->is_pending = true;
            ++pending;
        }
    }
}

void completion_loop::accepted(accept_operation& by, const completion_ring::completion& what) {
    by.is_pending = false;
    if (what.result == -ECANCELED || (what.result < 0 && stop_signal::requested())) return; // we want no more
    if (what.result < 0) return door_.not_accepted(-what.result);
    connection peer{unique_fd{what.result}, address{reinterpret_cast<const sockaddr*>(&by.peer), by.size}};
    if (room() > 0)
        let_in(std::move(peer));
    else
        reception_.admit([&] { waiting_.push_back(std::move(peer)); });
}

void completion_loop::admit_waiting() {
    if (stop_signal::grace_over()) waiting_.clear();
    while (!waiting_.empty() && room() > 0) {
        let_in(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

/// How long to wait for completions.
std::chrono::milliseconds completion_loop::wait_limit() const {
    const auto limit = served_connection::look_again_after(options_.idle_timeout);
    return std::min(limit, door_.breath_left().value_or(limit));
}

void completion_loop::let_in(connection wire) {
    if (!reception_.admit([&] { live_.emplace_front(std::move(wire), offered_, self_); })) return;
    live_.front().self = live_.begin();
    go_on(live_.front());
}

void completion_loop::received(client& each, const completion_ring::completion& what) {
    each.is_receiving = false;
    if (each.over) {
        ring_.give_back(what.buffer);
        return end(each);
    }
    const bool nothing = what.result == -ECANCELED || what.result == -ENOBUFS || what.result == -EINTR;
    if (!nothing) each.unread = what;
    if (what.result == -ENOBUFS && ring_.is_spent()) return; // others have all: see look_for_overdue()
    if (each.waits == served_connection::waits_for::input) go_on(each);
}

void completion_loop::done(client& each, const completion_ring::completion& what) {
    if (each.waits == served_connection::waits_for::time) return paused(each, what.result);
    if (what.result != -ECANCELED && what.result != -EINTR && what.result != -EAGAIN) {
        if (each.waits == served_connection::waits_for::room && what.result < 0)
            each.talk.lost("send", -what.result);
        else if (each.waits == served_connection::waits_for::room)
            each.talk.sent(static_cast<std::size_t>(what.result));
    }
    go_on(each);
}

/// The pause is over, or the client has hung up. One that has only ended its output waits for its reply.
void completion_loop::paused(client& each, int result) {
    if (result > 0 && (result & (POLLHUP | POLLERR)) != 0)
        each.talk.lost("poll", ECONNRESET);
    else if (result == -ECANCELED || result == -ETIME)
        each.talk.done();
    else
        return ring_.pause(&each.pause_end, &each.doing);
    go_on(each);
}

/// Hands the session what has been received, and receives ahead. False: nothing has been, yet.
bool completion_loop::next_input(client& each) {
    ring_.give_back(std::exchange(each.buffer, -1));
    if (!each.unread) {
        receive(each);
        return false;
    }
    const auto next = *std::exchange(each.unread, std::nullopt);
    each.buffer = next.buffer;
    if (next.result < 0)
        each.talk.lost("recv", -next.result);
    else
        each.talk.feed(next.bytes);
    if (next.result > 0) receive(each);
    return true;
}

void completion_loop::receive(client& each) {
    if (std::exchange(each.is_receiving, true)) return;
    ring_.receive(each.talk.descriptor(), &each.receiving);
}

void completion_loop::go_on(client& each) {
    for (bool has_worked = false;;) {
        each.waits = each.talk.go_on(no_memory_of_ours_);
        switch (each.waits) {
        case served_connection::waits_for::input:
            if (next_input(each)) break;
            return;
        case served_connection::waits_for::room:
            return ring_.send(each.talk.descriptor(), each.talk.unsent(), &each.doing);
        case served_connection::waits_for::time: {
            const auto end = (std::chrono::steady_clock::now() + each.talk.pause()).time_since_epoch();
            const auto seconds = std::chrono::floor<std::chrono::seconds>(end);
            each.pause_end = {.tv_sec = seconds.count(),
                              .tv_nsec = std::chrono::nanoseconds{end - seconds}.count()};
            return ring_.pause(each.talk.descriptor(), &each.pause_end, &each.doing);
        }
        case served_connection::waits_for::others: return ring_.yield(&each.doing);
        case served_connection::waits_for::work:
            if (std::exchange(has_worked, true)) return ring_.yield(&each.doing);
            each.talk.work()();
            each.talk.done();
            break;
        case served_connection::waits_for::nothing: return end(each);
        }
    }
}

/// A socket closes only when the ring has let go of it, too.
void completion_loop::end(client& each) {
    each.over = true;
    ring_.give_back(std::exchange(each.buffer, -1));
    if (each.unread) ring_.give_back(each.unread->buffer);
    each.unread.reset();
    if (each.is_receiving)
        ring_.cancel(&each.receiving);
    else
        live_.erase(each.self);
}

void completion_loop::look_for_overdue(served_connection::time_point now) {
    if (now < look_again_ && !stop_signal::requested()) return;
    look_again_ = now + served_connection::look_again_after(options_.idle_timeout);
    for (auto next = live_.begin(); next != live_.end();) {
        auto& each = *next++;
        if (each.over) continue;
        if (each.waits == served_connection::waits_for::input) receive(each); // if there was no buffer for it
        if (!each.talk.overdue(now, options_.idle_timeout)) continue;
        each.talk.give_up();
        if (each.waits == served_connection::waits_for::input)
            go_on(each);
        else
            ring_.cancel(&each.doing); // its completion goes on with it
    }
}

} // namespace parley
