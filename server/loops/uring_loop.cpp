#include "server/loops/uring_loop.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"

#include <poll.h>
#include <utility>

namespace parley {

namespace {
/// Accept operations that are pending at the same time per listening socket. At each new client the kernel goes
/// through all that wait: with 16 of them, short connections cost 7 % more. With one, a burst of clients takes
/// an iteration for each client.
constexpr std::size_t accepts_per_socket = 2;
} // namespace

/// `accepts_` is filled before the first operation starts: later its elements must not move.
void uring_loop::run() {
    ring_.watch(stop_signal::descriptor(), &shutdown_request_);
    for (const auto& socket : listener_.sockets())
        for (std::size_t i = 0; i != accepts_per_socket; ++i) accepts_.emplace_back().socket = socket.get();
    start_accepts();
    options_.ready();
    for (;;) {
        if (stop_signal::is_requested() && !accepting_stopped_) stop_accepting();
        if (accepting_stopped_ && clients_.empty() && waiting_.empty()) break;
        const auto& completions = ring_.wait(wait_limit());
        // Read before the clients are served: they are not idle if they send during that time.
        const auto now = coarse_now();
        for (const auto& completion : completions) {
            auto* const operation = static_cast<ring_operation*>(completion.tag);
            if (operation == &shutdown_request_) continue; // its task is done: it has ended the wait
            if (!operation->client)
                on_accepted(*static_cast<accept_operation*>(operation), completion);
            else if (operation == &operation->client->receiving)
                on_received(*operation->client, completion);
            else
                on_done(*operation->client, completion);
        }
        check_timeouts(now);
        admit_waiting();
        start_accepts();
    }
}

/// Cancels the pending accepts: stop_listening() leaves inherited sockets open, so theirs would never complete.
void uring_loop::stop_accepting() {
    admit_waiting();
    listener_.drain_backlog(
        listener::calls::blocking, [&] { return room() > 0; },
        [&](connection connection) { add_client(std::move(connection)); });
    listener_.stop_listening();
    for (auto& accepting : accepts_)
        if (accepting.is_pending) ring_.cancel(&accepting);
    accepting_stopped_ = true;
}

/// Starts accepts at each listening socket, if there is room and accepting is not paused. Each of several
/// sockets gets at least one, even if there is room for fewer clients: a connection for which there is no room
/// then waits in waiting_.
void uring_loop::start_accepts() {
    if (stop_signal::is_requested() || room() == 0 || !waiting_.empty() || listener_.backoff_left()) return;
    const auto sockets = accepts_.size() / accepts_per_socket;
    const auto share = std::clamp<std::size_t>(room() / sockets, 1, accepts_per_socket);
    for (auto first = accepts_.begin(); first != accepts_.end(); first += accepts_per_socket) {
        const auto last = first + accepts_per_socket;
        auto pending = static_cast<std::size_t>(
            std::count_if(first, last, [](auto& accepting) { return accepting.is_pending; }));
        for (auto accepting = first; accepting != last && pending < share; ++accepting) {
            if (accepting->is_pending) continue;
            accepting->size = sizeof accepting->peer;
            ring_.accept(accepting->socket, &accepting->peer, &accepting->size, &*accepting);
            accepting->is_pending = true;
            ++pending;
        }
    }
}

void uring_loop::on_accepted(accept_operation& accepting, const io_ring::completion& completion) {
    accepting.is_pending = false;
    const int result = completion.result;
    if (result == -ECANCELED || (result < 0 && stop_signal::is_requested())) return; // by stop_accepting()
    if (result < 0) return listener_.handle_accept_error(-result);
    connection connection{unique_fd{result},
                          address{reinterpret_cast<const sockaddr*>(&accepting.peer), accepting.size}};
    if (room() > 0)
        add_client(std::move(connection));
    else
        admission_.try_admit([&] { waiting_.push_back(std::move(connection)); });
}

void uring_loop::admit_waiting() {
    if (stop_signal::is_grace_over()) waiting_.clear();
    while (!waiting_.empty() && room() > 0) {
        add_client(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

/// Returns how long to wait for completions: until the next timeout check or the end of the accept back-off.
std::chrono::milliseconds uring_loop::wait_limit() const {
    const auto limit = timeouts_.interval();
    return std::min(limit, listener_.backoff_left().value_or(limit));
}

void uring_loop::add_client(connection connection) {
    if (!admission_.try_admit([&] { clients_.emplace_front(std::move(connection), offered_, worker_); }))
        return;
    clients_.front().position = clients_.begin();
    resume(clients_.front());
}

void uring_loop::on_received(uring_client& client, const io_ring::completion& completion) {
    client.is_receiving = false;
    if (client.has_ended) {
        ring_.recycle(completion.buffer);
        return end(client);
    }
    const int result = completion.result;
    const bool should_retry = result == -ECANCELED || result == -ENOBUFS || result == -EINTR;
    if (!should_retry) client.unread = completion;
    // Other clients have all buffers: the next check_timeouts() tries again.
    if (result == -ENOBUFS && ring_.is_out_of_buffers()) return;
    if (client.wanted == served_connection::wants::read) resume(client);
}

/// Handles the completion of a send, a pause or a yield. If it was interrupted or cancelled, resume() submits
/// it again, or ends the client if abort() was called.
void uring_loop::on_done(uring_client& client, const io_ring::completion& completion) {
    const int result = completion.result;
    if (client.wanted == served_connection::wants::timer) return on_pause_end(client, result);
    if (result != -ECANCELED && result != -EINTR && result != -EAGAIN) {
        if (client.wanted == served_connection::wants::write && result < 0)
            client.served.connection_failed("send", -result);
        else if (client.wanted == served_connection::wants::write)
            client.served.sent(static_cast<std::size_t>(result));
    }
    resume(client);
}

/// The pause is over, or the client has hung up; or the client has only shut down its output, and waits for its
/// reply. In the latter case the pause goes on without the poll, which would complete again at once.
void uring_loop::on_pause_end(uring_client& client, int result) {
    if (result > 0 && (result & (POLLHUP | POLLERR)) != 0)
        client.served.connection_failed("poll", ECONNRESET);
    else if (result == -ECANCELED || result == -ETIME)
        client.served.done();
    else
        return ring_.pause(&client.pause_end, &client.doing);
    resume(client);
}

/// Passes received input to the session, and starts to receive the next. Returns false if no input is there
/// yet.
bool uring_loop::feed_input(uring_client& client) {
    ring_.recycle(std::exchange(client.buffer, -1)); // the session asks for input: it is done with the last
    if (!client.unread) {
        receive(client);
        return false;
    }
    const auto input = *std::exchange(client.unread, std::nullopt);
    client.buffer = input.buffer;
    if (input.result < 0)
        client.served.connection_failed("recv", -input.result);
    else
        client.served.feed(input.bytes);
    if (input.result > 0) receive(client);
    return true;
}

void uring_loop::receive(uring_client& client) {
    if (std::exchange(client.is_receiving, true)) return;
    ring_.receive(client.served.descriptor(), &client.receiving);
}

void uring_loop::resume(uring_client& client) {
    for (bool has_worked = false;;) {
        client.wanted = client.served.resume(unused_buffer_);
        switch (client.wanted) {
        case served_connection::wants::read:
            if (feed_input(client)) break;
            return;
        case served_connection::wants::write:
            return ring_.send(client.served.descriptor(), client.served.unsent(), &client.doing);
        case served_connection::wants::timer: {
            const auto end = (std::chrono::steady_clock::now() + client.served.pause()).time_since_epoch();
            const auto seconds = std::chrono::floor<std::chrono::seconds>(end);
            client.pause_end = {.tv_sec = seconds.count(),
                                .tv_nsec = std::chrono::nanoseconds{end - seconds}.count()};
            return ring_.pause(client.served.descriptor(), &client.pause_end, &client.doing);
        }
        case served_connection::wants::yield: return ring_.yield(&client.doing);
        case served_connection::wants::compute:
            if (std::exchange(has_worked, true)) return ring_.yield(&client.doing);
            client.served.work()();
            client.served.done();
            break;
        case served_connection::wants::done: return end(client);
        }
    }
}

/// Frees the client; or, while a receive of it is in flight, cancels that, and its completion calls this again.
void uring_loop::end(uring_client& client) {
    client.has_ended = true;
    ring_.recycle(std::exchange(client.buffer, -1));
    if (client.unread) ring_.recycle(client.unread->buffer);
    client.unread.reset();
    if (client.is_receiving)
        ring_.cancel(&client.receiving);
    else
        clients_.erase(client.position);
}

void uring_loop::check_timeouts(served_connection::time_point now) {
    if (!timeouts_.is_due(now)) return;
    for (auto next = clients_.begin(); next != clients_.end();) {
        auto& client = *next++; // resume() may free it
        if (client.has_ended) continue;
        if (client.wanted == served_connection::wants::read) receive(client); // if there was no buffer for it
        if (!client.served.timed_out(now, options_.idle_timeout)) continue;
        client.served.abort();
        if (client.wanted == served_connection::wants::read)
            resume(client);
        else
            ring_.cancel(&client.doing); // on_done() then resumes it
    }
}

} // namespace parley
