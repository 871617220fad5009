#include "server/completion_loop.hpp"

#include "common/clock.hpp"
#include "common/stop_signal.hpp"

#include <cstring>
#include <spdlog/spdlog.h>
#include <system_error>
#include <utility>

namespace parley {

void completion_loop::run() {
    ring_.watch(stop_signal::descriptor(), &stop_tag_);
    open_door();
    while (!stop_signal::requested() || !live_.empty()) {
        const auto& completed = ring_.wait(served_connection::look_again_after(options_.idle_timeout));
        const auto now = coarse_now(); // before the work: whoever sends meanwhile is not idle
        for (const auto& each : completed) {
            if (each.tag == &door_)
                let_in(each);
            else if (each.tag != &stop_tag_)
                complete(*static_cast<client*>(each.tag), each);
        }
        if (stop_signal::requested()) {
            door_.shut();
            if (doors_open_ > 0) ring_.cancel(&door_); // a lent door is not shut
        }
        look_for_overdue(now);
        open_door();
    }
}

/// Accepting ends by itself at an error; it is begun again once there is room and breath.
void completion_loop::open_door() {
    if (doors_open_ > 0 || stop_signal::requested() || full() || coarse_now() < breathe_until_) return;
    for (const auto& each : door_.sockets()) {
        ring_.accept_all(each.get(), &door_);
        ++doors_open_;
    }
}

void completion_loop::let_in(const completion_ring::completion& accepted) {
    if (accepted.last) --doors_open_;
    if (accepted.result < 0) return not_accepted(-accepted.result);
    unique_fd socket{accepted.result};
    const auto peer = address::of_peer(socket.get());
    if (!reception_.admit([&] { live_.emplace_front(connection{std::move(socket), peer}, offered_, self_); }))
        return;
    live_.front().self = live_.begin();
    if (full()) ring_.cancel(&door_);
    go_on(live_.front());
}

void completion_loop::not_accepted(int error) {
    if (error == ECANCELED || stop_signal::requested()) return;
    switch (after_accept_error(error)) {
    case after_error::again: return;
    case after_error::breathe:
        breathe_until_ = coarse_now() + listener::breath;
        if (complain_())
            spdlog::warn("accept: {}; new clients wait in the kernel's queue", std::strerror(error));
        return;
    case after_error::give_up: throw std::system_error{error, std::generic_category(), "accept"};
    }
}

void completion_loop::complete(client& each, const completion_ring::completion& done) {
    const bool again = done.result == -EINTR || done.result == -EAGAIN || done.result == -ENOBUFS;
    if (done.result != -ECANCELED && !again) {
        switch (each.under_way) {
        case served_connection::waits_for::input:
            if (done.result < 0) each.talk.lost("recv", -done.result);
            each.buffer = done.buffer;
            if (done.result >= 0) each.talk.feed(done.bytes);
            break;
        case served_connection::waits_for::room:
            if (done.result < 0)
                each.talk.lost("send", -done.result);
            else
                each.talk.sent(static_cast<std::size_t>(done.result));
            break;
        default: each.talk.done();
        }
    }
    go_on(each);
}

void completion_loop::go_on(client& each) {
    for (;;) {
        each.under_way = each.talk.go_on(no_memory_of_ours_);
        switch (each.under_way) {
        case served_connection::waits_for::input:
            ring_.give_back(std::exchange(each.buffer, -1));
            return ring_.receive(each.talk.descriptor(), &each);
        case served_connection::waits_for::room:
            return ring_.send(each.talk.descriptor(), each.talk.unsent(), &each);
        case served_connection::waits_for::time: {
            const auto time = each.talk.pause();
            each.pause = {.tv_sec = time.count() / 1000, .tv_nsec = time.count() % 1000 * 1'000'000};
            return ring_.pause(&each.pause, &each);
        }
        case served_connection::waits_for::work:
            each.talk.work()();
            each.talk.done();
            break;
        case served_connection::waits_for::nothing:
            ring_.give_back(each.buffer);
            live_.erase(each.self);
            return;
        }
    }
}

void completion_loop::look_for_overdue(served_connection::time_point now) {
    if (now < look_again_ && !stop_signal::requested()) return;
    look_again_ = now + served_connection::look_again_after(options_.idle_timeout);
    for (auto& each : live_) {
        if (!each.talk.overdue(now, options_.idle_timeout)) continue;
        each.talk.give_up();
        ring_.cancel(&each); // its completion goes on with it
    }
}

} // namespace parley
