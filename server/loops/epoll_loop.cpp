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

/// Events per epoll_wait(2): enough that a busy loop makes few calls. Larger batches would delay the listener,
/// timers and timeouts, which are served once per iteration.
constexpr int max_events = 256;

/// Accepts per iteration when the batch of events was full. More would let a flood of new clients delay the
/// replies to those that are connected.
constexpr int max_accepts = 64;

/// Returns false, with errno, if the kernel has no memory for it or the user watches too many descriptors
/// (epoll_ctl(2): ENOMEM, ENOSPC).
bool epoll_control(const unique_fd& epoll, int operation, int socket, std::uint32_t events, void* tag) {
    epoll_event event{.events = events, .data = {.ptr = tag}};
    return epoll_ctl(epoll.get(), operation, socket, &event) == 0;
}

/// How many connections to accept in this iteration: one at first, and twice as many after each four
/// consecutive iterations in which clients waited, up to max_accepts. To accept until EAGAIN would cost one
/// more system call for each client that comes alone.
int accept_limit(int busy_iterations) { return std::min(1 << std::min(busy_iterations / 4, 6), max_accepts); }

} // namespace

/// The tag of an event tells its kind: &listener_, &results_, a client, or null for the shutdown request. The
/// latter is edge-triggered, since its descriptor stays readable: it shall interrupt one epoll_wait(2) only.
epoll_loop::epoll_loop(listener& listener, const service& offered, const model_options& options, int number,
                       work_pool* pool)
    : listener_{listener},
      offered_{offered},
      options_{options},
      worker_{options.board, number},
      pool_{pool},
      epoll_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })} {
    listener_.set_nonblocking();
    if (!epoll_control(epoll_, EPOLL_CTL_ADD, stop_signal::descriptor(), EPOLLIN | EPOLLET, nullptr) ||
        !epoll_control(epoll_, EPOLL_CTL_ADD, results_.descriptor(), EPOLLIN, &results_))
        throw_errno("epoll_ctl");
}

/// An iteration: wait, serve the clients that are ready, then accept, fire timers and check timeouts. Clients
/// come before new connections, so that a loop at its limit serves those that it has.
void epoll_loop::run() {
    std::array<epoll_event, max_events> events;
    options_.ready();
    for (;;) {
        if (stop_signal::is_requested() && !accepting_stopped_) stop_accepting();
        if (accepting_stopped_ && clients_.empty()) break;
        watch_listener();
        bool listener_ready = false;
        const int count = epoll_wait(epoll_.get(), events.data(), max_events, poll_timeout());
        // Read before the clients are served: they are not idle if they send during that time.
        const auto now = steady_clock::now();
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            void* const tag = event.data.ptr;
            if (tag == &listener_)
                listener_ready = true;
            else if (tag == &results_)
                take_results();
            else if (tag)
                on_event(*static_cast<epoll_client*>(tag), event.events);
        }
        // The kernel reports ready descriptors in turn. If the batch is full, many iterations may pass until
        // the listener's event comes again: until then its last state counts.
        const bool is_batch_full = count == max_events;
        accept_pending_ = listener_ready || (is_batch_full && accept_pending_);
        busy_iterations_ = listener_ready ? busy_iterations_ + 1 : 0;
        if (accept_pending_ && !accepting_stopped_)
            accept_clients(is_batch_full ? max_accepts : accept_limit(busy_iterations_));
        fire_timers(now);
        if (timeouts_.is_due(now)) check_timeouts(now);
        closed_.clear();
    }
}

/// Watches the listener only while connections can be accepted: otherwise its event would repeat for ever.
void epoll_loop::watch_listener() {
    const bool can_accept = !accepting_stopped_ && !listener_.backoff_left() && has_room();
    if (can_accept == listener_watched_) return;
    const std::uint32_t exclusive =
        options_.accept == accept_strategy::epoll_exclusive ? std::uint32_t{EPOLLEXCLUSIVE} : 0;
    listener_watched_ = can_accept;
    for (const auto& socket : listener_.sockets()) {
        const int operation = can_accept ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
        if (epoll_control(epoll_, operation, socket.get(), EPOLLIN | exclusive, &listener_)) continue;
        // EEXIST: an earlier call has added this one of several sockets, and failed at another one.
        if (!can_accept || errno == EEXIST) continue;
        listener_.back_off("epoll_ctl", errno);
        listener_watched_ = false;
    }
}

void epoll_loop::stop_accepting() {
    listener_.drain_backlog(
        listener::calls::non_blocking, [&] { return has_room(); },
        [&](connection connection) { add_client(std::move(connection)); });
    listener_.stop_listening();
    accepting_stopped_ = true;
}

void epoll_loop::accept_clients(int limit) {
    for (int i = 0; i < limit && has_room(); ++i) {
        auto connection = listener_.try_accept(listener::calls::non_blocking);
        accept_pending_ = connection.has_value();
        if (!connection) {
            busy_iterations_ = 0;
            return;
        }
        add_client(std::move(*connection));
    }
}

void epoll_loop::add_client(connection connection) {
    if (!admission_.try_admit([&] { clients_.emplace_front(std::move(connection), offered_, worker_); }))
        return;
    clients_.front().position = clients_.begin();
    resume(clients_.front());
}

/// EPOLLHUP and EPOLLERR are reported whether or not they were asked for, and cannot be switched off but by
/// removing the socket from the set (epoll_ctl(2)).
void epoll_loop::on_event(epoll_client& client, std::uint32_t events) {
    const bool has_hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    switch (client.state) {
    case epoll_client::status::active: return resume(client);
    case epoll_client::status::yielding: return; // its timer resumes it in this iteration
    case epoll_client::status::pausing:
        if (!has_hung_up) return watch(client, 0); // its input waits until the pause is over
        timers_.erase(client.timer);
        client.served.connection_failed("epoll_wait", ECONNRESET);
        return close(client);
    // The pool still uses the session, so it cannot end now: the event is only switched off.
    case epoll_client::status::computing: return has_hung_up ? unwatch(client) : watch(client, 0);
    case epoll_client::status::closed: return; // by an earlier event of this batch
    }
}

void epoll_loop::resume(epoll_client& client) {
    client.state = epoll_client::status::active;
    try {
        run_session(client);
    } catch (const std::bad_alloc& error) { // for its timer or its work
        admission_.report(error);
        close(client);
    }
}

/// Runs the session until it must wait. Without a pool it does at most one piece of work before the other
/// clients have their turn.
void epoll_loop::run_session(epoll_client& client) {
    for (bool has_worked = false;;) {
        switch (client.served.resume(buffer_)) {
        case served_connection::wants::read: return watch(client, EPOLLIN);
        case served_connection::wants::write: return watch(client, EPOLLOUT);
        case served_connection::wants::timer:
            resume_at(client, steady_clock::now() + client.served.pause(), epoll_client::status::pausing);
            return client.watched_events ? void() : watch(client, EPOLLIN); // to notice a hang-up
        case served_connection::wants::yield:
            return resume_at(client, steady_clock::now(), epoll_client::status::yielding);
        case served_connection::wants::compute:
            if (pool_) {
                pool_->submit(client.served.work(), &client, results_);
                client.state = epoll_client::status::computing;
                return;
            }
            if (std::exchange(has_worked, true))
                return resume_at(client, steady_clock::now(), epoll_client::status::yielding);
            client.served.work()();
            client.served.done();
            break;
        case served_connection::wants::done: return close(client);
        }
    }
}

void epoll_loop::resume_at(epoll_client& client, time_point time, epoll_client::status state) {
    client.timer = timers_.emplace(time, &client);
    client.state = state;
}

/// Sets the events to watch for, unless they are watched already: most clients only ever wait for input, and so
/// cost one epoll_ctl(2) in their life.
void epoll_loop::watch(epoll_client& client, std::uint32_t events) {
    if (events == client.watched_events) return;
    const int operation = client.watched_events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!epoll_control(epoll_, operation, client.served.descriptor(), events, &client)) {
        if (events == 0) return; // the event repeats, and this is tried again
        if (client.state == epoll_client::status::pausing) timers_.erase(client.timer);
        client.served.connection_failed("epoll_ctl", errno);
        return close(client);
    }
    client.watched_events = events;
}

/// Removes the socket from the epoll set until the next watch().
void epoll_loop::unwatch(epoll_client& client) {
    epoll_control(epoll_, EPOLL_CTL_DEL, client.served.descriptor(), 0, &client);
    client.watched_events.reset();
}

/// Closes the socket at once, which removes it from the epoll set, and frees the client after the iteration: an
/// event of it may still be in the batch.
void epoll_loop::close(epoll_client& client) {
    client.served.close();
    client.state = epoll_client::status::closed;
    closed_.splice(closed_.begin(), clients_, client.position);
}

void epoll_loop::take_results() {
    for (void* const tag : results_.take()) {
        auto& client = *static_cast<epoll_loop::epoll_client*>(tag);
        client.served.done();
        resume(client);
    }
}

void epoll_loop::fire_timers(time_point now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto& client = *timers_.begin()->second;
        timers_.erase(timers_.begin());
        if (client.state == epoll_client::status::pausing) client.served.done();
        resume(client);
    }
}

void epoll_loop::check_timeouts(time_point now) {
    for (auto next = clients_.begin(); next != clients_.end();) {
        auto& client = *next++; // resume() may remove it from the list
        if (!client.served.timed_out(now, options_.idle_timeout)) continue;
        client.served.abort();
        if (client.state == epoll_client::status::pausing || client.state == epoll_client::status::yielding)
            timers_.erase(client.timer);
        resume(client);
    }
}

/// Returns the timeout of epoll_wait(2): milliseconds until a timer, a timeout check or the end of the accept
/// back-off is due; -1 if none is.
int epoll_loop::poll_timeout() const {
    auto until = time_point::max();
    if (!clients_.empty()) until = timeouts_.next();
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    auto left = until == time_point::max() ? milliseconds{-1}
                                           : std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (until != time_point::max()) left = std::max(left, milliseconds{0});
    if (const auto backoff = listener_.backoff_left())
        left = left.count() < 0 ? *backoff : std::min(left, *backoff);
    return static_cast<int>(left.count());
}

} // namespace parley
