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

void uring_loop::run() {
    ring_.watch(stop_signal::descriptor(), &stopping_);
    for (const auto& each : listener_.sockets())
        for (std::size_t i = 0; i != accepts_per_socket; ++i) accepts_.emplace_back().socket = each.get();
    start_accepts();
    options_.ready();
    for (;;) {
        if (stop_signal::is_requested() && !accepting_stopped_) stop_accepting();
        if (accepting_stopped_ && live_.empty() && waiting_.empty()) break;
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
        check_timeouts(now);
        admit_waiting();
        start_accepts();
    }
}

/// Those who stand before it come in first.
void uring_loop::stop_accepting() {
    admit_waiting();
    listener_.drain_backlog(
        listener::calls::blocking, [&] { return room() > 0; },
        [&](connection connection) { add_client(std::move(connection)); });
    listener_.stop_listening();
    for (auto& each : accepts_)
        if (each.is_pending) ring_.cancel(&each); // a lent door is not shut
    accepting_stopped_ = true;
}

/// Accepts at each listening socket, as long as there is room and breath. One operation more than there is
/// room for each of several sockets: the one that comes too late has its client wait.
void uring_loop::start_accepts() {
    if (stop_signal::is_requested() || room() == 0 || !waiting_.empty() || listener_.backoff_left()) return;
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

void uring_loop::accepted(accept_operation& accepting, const io_ring::completion& what) {
    accepting.is_pending = false;
    if (what.result == -ECANCELED || (what.result < 0 && stop_signal::is_requested())) return; // we want no more
    if (what.result < 0) return listener_.handle_accept_error(-what.result);
    connection peer{unique_fd{what.result},
                    address{reinterpret_cast<const sockaddr*>(&accepting.peer), accepting.size}};
    if (room() > 0)
        add_client(std::move(peer));
    else
        admission_.admit([&] { waiting_.push_back(std::move(peer)); });
}

void uring_loop::admit_waiting() {
    if (stop_signal::is_grace_over()) waiting_.clear();
    while (!waiting_.empty() && room() > 0) {
        add_client(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

/// How long to wait for completions.
std::chrono::milliseconds uring_loop::wait_limit() const {
    const auto limit = timeouts_.interval();
    return std::min(limit, listener_.backoff_left().value_or(limit));
}

void uring_loop::add_client(connection connection) {
    if (!admission_.admit([&] { live_.emplace_front(std::move(connection), offered_, self_); })) return;
    live_.front().self = live_.begin();
    resume(live_.front());
}

void uring_loop::received(client& each, const io_ring::completion& what) {
    each.is_receiving = false;
    if (each.over) {
        ring_.give_back(what.buffer);
        return end(each);
    }
    const bool nothing = what.result == -ECANCELED || what.result == -ENOBUFS || what.result == -EINTR;
    if (!nothing) each.unread = what;
    if (what.result == -ENOBUFS && ring_.is_spent()) return; // others have all: see check_timeouts()
    if (each.waits == served_connection::wants::read) resume(each);
}

void uring_loop::done(client& each, const io_ring::completion& what) {
    if (each.waits == served_connection::wants::timer) return paused(each, what.result);
    if (what.result != -ECANCELED && what.result != -EINTR && what.result != -EAGAIN) {
        if (each.waits == served_connection::wants::write && what.result < 0)
            each.served.lost("send", -what.result);
        else if (each.waits == served_connection::wants::write)
            each.served.sent(static_cast<std::size_t>(what.result));
    }
    resume(each);
}

/// The pause is over, or the client has hung up. One that has only ended its output waits for its reply.
void uring_loop::paused(client& each, int result) {
    if (result > 0 && (result & (POLLHUP | POLLERR)) != 0)
        each.served.lost("poll", ECONNRESET);
    else if (result == -ECANCELED || result == -ETIME)
        each.served.done();
    else
        return ring_.pause(&each.pause_end, &each.doing);
    resume(each);
}

/// Hands the session what has been received, and receives ahead. False: nothing has been, yet.
bool uring_loop::next_input(client& each) {
    ring_.give_back(std::exchange(each.buffer, -1));
    if (!each.unread) {
        receive(each);
        return false;
    }
    const auto next = *std::exchange(each.unread, std::nullopt);
    each.buffer = next.buffer;
    if (next.result < 0)
        each.served.lost("recv", -next.result);
    else
        each.served.feed(next.bytes);
    if (next.result > 0) receive(each);
    return true;
}

void uring_loop::receive(client& each) {
    if (std::exchange(each.is_receiving, true)) return;
    ring_.receive(each.served.descriptor(), &each.receiving);
}

void uring_loop::resume(client& each) {
    for (bool has_worked = false;;) {
        each.waits = each.served.resume(unused_buffer_);
        switch (each.waits) {
        case served_connection::wants::read:
            if (next_input(each)) break;
            return;
        case served_connection::wants::write:
            return ring_.send(each.served.descriptor(), each.served.unsent(), &each.doing);
        case served_connection::wants::timer: {
            const auto end = (std::chrono::steady_clock::now() + each.served.pause()).time_since_epoch();
            const auto seconds = std::chrono::floor<std::chrono::seconds>(end);
            each.pause_end = {.tv_sec = seconds.count(),
                              .tv_nsec = std::chrono::nanoseconds{end - seconds}.count()};
            return ring_.pause(each.served.descriptor(), &each.pause_end, &each.doing);
        }
        case served_connection::wants::yield: return ring_.yield(&each.doing);
        case served_connection::wants::compute:
            if (std::exchange(has_worked, true)) return ring_.yield(&each.doing);
            each.served.work()();
            each.served.done();
            break;
        case served_connection::wants::done: return end(each);
        }
    }
}

/// A socket closes only when the ring has let go of it, too.
void uring_loop::end(client& each) {
    each.over = true;
    ring_.give_back(std::exchange(each.buffer, -1));
    if (each.unread) ring_.give_back(each.unread->buffer);
    each.unread.reset();
    if (each.is_receiving)
        ring_.cancel(&each.receiving);
    else
        live_.erase(each.self);
}

void uring_loop::check_timeouts(served_connection::time_point now) {
    if (!timeouts_.is_due(now)) return;
    for (auto next = live_.begin(); next != live_.end();) {
        auto& each = *next++;
        if (each.over) continue;
        if (each.waits == served_connection::wants::read) receive(each); // if there was no buffer for it
        if (!each.served.timed_out(now, options_.idle_timeout)) continue;
        each.served.give_up();
        if (each.waits == served_connection::wants::read)
            resume(each);
        else
            ring_.cancel(&each.doing); // its completion goes on with it
    }
}

} // namespace parley
