#include "server/completion_loop.hpp"

#include "common/clock.hpp"
#include "common/stop_signal.hpp"

#include <new>
#include <utility>

namespace parley {

namespace {
/// Buffers that a client may fill before its session wants them; then nothing more is received from it.
constexpr std::size_t most_unread = 2;
} // namespace

void completion_loop::run() {
    ring_.watch(stop_signal::descriptor(), &stopping_);
    open_door();
    for (;;) {
        if (stop_signal::requested() && !door_shut_) shut_door();
        if (door_shut_ && live_.empty()) break;
        const auto& completed = ring_.wait(served_connection::look_again_after(options_.idle_timeout));
        const auto now = coarse_now(); // before the work: whoever sends meanwhile is not idle
        for (const auto& each : completed) {
            auto* const of = static_cast<operation*>(each.tag);
            if (of == &accepting_)
                accepted(each);
            else if (of != &stopping_)
                of == &of->whose->receiving ? received(*of->whose, each) : done(*of->whose, each);
        }
        look_for_overdue(now);
        open_door();
    }
}

/// Those who stand before it come in first.
void completion_loop::shut_door() {
    while (!full()) {
        auto peer = door_.accept_last(listener::calls::blocking);
        if (!peer) break;
        let_in(std::move(*peer));
    }
    door_.shut();
    if (doors_open_ > 0) ring_.cancel(&accepting_); // a lent door is not shut
    door_shut_ = true;
}

/// Accepting ends by itself at an error; it is begun again once there is room and breath.
void completion_loop::open_door() {
    if (doors_open_ > 0 || stop_signal::requested() || full() || door_.breath_left()) return;
    for (const auto& each : door_.sockets()) {
        ring_.accept_all(each.get(), &accepting_);
        ++doors_open_;
    }
}

void completion_loop::accepted(const completion_ring::completion& one) {
    if (one.last) --doors_open_;
    if (one.result == -ECANCELED || (one.result < 0 && stop_signal::requested())) return; // we want no more
    if (one.result < 0) return door_.not_accepted(-one.result);
    unique_fd socket{one.result};
    const auto peer = address::of_peer(socket.get());
    let_in(connection{std::move(socket), peer});
    if (full()) ring_.cancel(&accepting_);
}

void completion_loop::let_in(connection wire) {
    if (!reception_.admit([&] { live_.emplace_front(std::move(wire), offered_, self_); })) return;
    live_.front().self = live_.begin();
    go_on(live_.front());
}

void completion_loop::received(client& each, const completion_ring::completion& what) {
    if (what.last) each.reception = client::state::off;
    if (each.over) {
        ring_.give_back(what.buffer);
        return end(each);
    }
    const bool nothing = what.result == -ECANCELED || what.result == -ENOBUFS || what.result == -EINTR;
    if (!nothing) keep(each, what);
    if (what.result == -ENOBUFS && ring_.is_spent()) return; // others have all: see look_for_overdue()
    if (each.waits == served_connection::waits_for::input) return go_on(each);
    if (each.unread.size() < most_unread || each.reception != client::state::on) return;
    each.reception = client::state::ending;
    ring_.cancel(&each.receiving);
}

void completion_loop::keep(client& each, const completion_ring::completion& what) {
    try {
        each.unread.push_back(what);
    } catch (const std::bad_alloc& error) {
        reception_.complain(error);
        ring_.give_back(what.buffer);
        each.talk.lost("recv", ENOMEM);
    }
}

void completion_loop::done(client& each, const completion_ring::completion& what) {
    if (what.result != -ECANCELED && what.result != -EINTR && what.result != -EAGAIN) {
        if (each.waits != served_connection::waits_for::room)
            each.talk.done();
        else if (what.result < 0)
            each.talk.lost("send", -what.result);
        else
            each.talk.sent(static_cast<std::size_t>(what.result));
    }
    go_on(each);
}

/// Hands the session what has been received. False: nothing has, yet.
bool completion_loop::next_input(client& each) {
    ring_.give_back(std::exchange(each.buffer, -1));
    if (each.unread.empty()) {
        if (each.reception == client::state::off) {
            each.reception = client::state::on;
            ring_.receive_all(each.talk.descriptor(), &each.receiving);
        }
        return false;
    }
    const auto next = each.unread.front();
    each.unread.erase(each.unread.begin());
    each.buffer = next.buffer;
    if (next.result < 0)
        each.talk.lost("recv", -next.result);
    else
        each.talk.feed(next.bytes);
    return true;
}

void completion_loop::go_on(client& each) {
    for (;;) {
        each.waits = each.talk.go_on(no_memory_of_ours_);
        switch (each.waits) {
        case served_connection::waits_for::input:
            if (next_input(each)) break;
            return;
        case served_connection::waits_for::room:
            return ring_.send(each.talk.descriptor(), each.talk.unsent(), &each.doing);
        case served_connection::waits_for::time: {
            const auto time = each.talk.pause();
            each.pause = {.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
            return ring_.pause(&each.pause, &each.doing);
        }
        case served_connection::waits_for::work:
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
    for (const auto& unread : each.unread) ring_.give_back(unread.buffer);
    each.unread.clear();
    if (each.reception == client::state::off) {
        live_.erase(each.self);
    } else if (each.reception == client::state::on) {
        each.reception = client::state::ending;
        ring_.cancel(&each.receiving);
    }
}

void completion_loop::look_for_overdue(served_connection::time_point now) {
    if (now < look_again_ && !stop_signal::requested()) return;
    look_again_ = now + served_connection::look_again_after(options_.idle_timeout);
    for (auto next = live_.begin(); next != live_.end();) {
        auto& each = *next++;
        if (each.over) continue;
        if (each.waits == served_connection::waits_for::input && each.reception == client::state::off)
            next_input(each); // there was no buffer for it
        if (!each.talk.overdue(now, options_.idle_timeout)) continue;
        each.talk.give_up();
        if (each.waits == served_connection::waits_for::input)
            go_on(each);
        else
            ring_.cancel(&each.doing); // its completion goes on with it
    }
}

} // namespace parley
