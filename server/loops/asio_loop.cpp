// The loop consists of coroutines that wait for each other and for the kernel (Asio's awaitable):
//
//   accept_clients   accepts connections
//   serve            one for each client
//   watch_sockets    waits for the sockets of all clients, and resumes those that are ready
//   check_timeouts   waits for a timer
//   watch_for_stop   waits for the shutdown request
//   take_results     waits for finished work; only if a service has CPU-bound work
//
// All run in one thread. So there are no locks, and what a coroutine reads changes only while it is suspended:
// after each co_await a client may be gone, unless the coroutine is that client's own.
#include "server/loops/asio_loop.hpp"

#include "common/check.hpp"
#include "common/process/stop_signal.hpp"
#include "server/accept/admission.hpp"
#include "server/loops/served_connection.hpp"
#include "server/loops/timeout_schedule.hpp"
#include "server/loops/work_pool.hpp"
#include "server/model.hpp"

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <list>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace parley {

namespace {

using asio::awaitable;
using std::chrono::steady_clock;
using descriptor = asio::posix::stream_descriptor;

/// The completion handler of all coroutines: an exception that ends one of them ends the loop. Asio's
/// `detached` would swallow it, and a server that no longer accepts would stay.
void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

/// Makes a cancelled wait return as one that is over: what to do next depends on the connection, not on the
/// error.
constexpr auto nothrow_await = asio::experimental::as_tuple(asio::use_awaitable);

/// Events per epoll_wait(2): as in epoll_loop.
constexpr std::size_t max_ready = 256;

/// A client's connection, and how its coroutine waits.
struct asio_connection {
    asio_connection(connection connection, const service& offered, worker& worker)
        : served{std::move(connection), offered, worker} {}

    using handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

    served_connection served;
    std::optional<std::uint32_t> watched_events; // nullopt: not in the epoll set
    std::optional<handler> resume;               // set while the coroutine waits for an event of its socket
    std::optional<asio::steady_timer> timer;     // of a pause; while work is done, cancelled at its end
    bool is_pausing = false;
    bool is_readable = false;
    /// Small, since each client has one, also while it pauses. More input is read by the driver.
    std::array<char, 1024> input;
};

class asio_loop {
public:
    asio_loop(listener& listener, const service& offered, const model_options& options, int number)
        : listener_{listener}, offered_{offered}, options_{options}, worker_{options.board, number} {}

    void run() {
        respawn(&asio_loop::accept_clients);
        respawn(&asio_loop::check_timeouts);
        respawn(&asio_loop::watch_sockets);
        asio::co_spawn(io_context_, watch_for_stop(), rethrow);
        options_.ready();
        for (bool ran_out = false; !ran_out;) {
            try {
                io_context_.run();
                ran_out = true;
            } catch (const std::bad_alloc& error) { // Asio could not resume a coroutine: its client is lost
                admission_.report(error);
            } catch (...) {
                failed_ = true;
                throw;
            }
        }
    }

private:
    using position = std::list<asio_connection>::iterator;
    using member_coroutine = awaitable<void> (asio_loop::*)();

    /// Starts a coroutine that the loop cannot do without, and starts it again if it ends for lack of memory.
    void respawn(member_coroutine coroutine) {
        asio::co_spawn(io_context_, (this->*coroutine)(), [this, coroutine](const std::exception_ptr& failure) {
            try {
                rethrow(failure);
            } catch (const std::bad_alloc& error) {
                admission_.report(error);
                respawn_later(coroutine);
            }
        });
    }

    void respawn_later(member_coroutine coroutine) {
        for (bool has_started = false; !has_started;) {
            stop_signal::interruptible_sleep(listener::accept_backoff);
            has_started = admission_.try_admit([&] { respawn(coroutine); });
        }
    }

    awaitable<void> accept_clients() {
        for (int busy_iterations = 0; !stop_signal::is_requested();) {
            const auto backoff = listener_.backoff_left();
            if (backoff || !has_room()) {
                accept_wakeup_.expires_after(backoff.value_or(std::chrono::hours{1})); // or a client's end
                co_await accept_wakeup_.async_wait(nothrow_await);
            } else {
                co_await listener_ready_.async_wait(descriptor::wait_read, nothrow_await);
                const bool more = accept_some(1 << std::min(busy_iterations / 4, 6)); // as in epoll_loop
                busy_iterations = more ? busy_iterations + 1 : 0;
            }
        }
        listener_.drain_backlog(
            listener::calls::non_blocking, [&] { return has_room(); },
            [&](connection connection) { add_client(std::move(connection)); });
        listener_ready_.release();
        listener_.close();
    }

    /// Accepts at most `limit` connections. Returns false if the backlog is empty.
    bool accept_some(int limit) {
        for (int i = 0; i != limit && has_room() && !stop_signal::is_requested(); ++i) {
            auto connection = listener_.try_accept(listener::calls::non_blocking);
            if (!connection) return false;
            add_client(std::move(*connection));
        }
        return true;
    }

    [[nodiscard]] bool has_room() const {
        return clients_.size() < static_cast<std::size_t>(options_.max_connections);
    }

    void add_client(connection connection) {
        if (!admission_.try_admit([&] { clients_.emplace_front(std::move(connection), offered_, worker_); }))
            return;
        const auto client = clients_.begin();
        if (!admission_.try_admit([&] { asio::co_spawn(io_context_, serve(client), rethrow); }))
            clients_.erase(client);
    }

    /// Removes a client when its coroutine ends, in whatever way.
    struct erase_on_exit {
        asio_loop& loop;
        position client;
        ~erase_on_exit() {
            if (loop.failed_) return; // the loop destroys its coroutines after its clients
            loop.clients_.erase(client);
            loop.accept_wakeup_.cancel();
        }
    };

    awaitable<void> serve(position client) {
        const erase_on_exit erase{*this, client};
        auto& served = client->served;
        served.skip_next_read();
        try {
            for (bool is_over = false; !is_over;) {
                switch (served.resume(buffer_)) {
                case served_connection::wants::read:
                    if (watch(*client, EPOLLIN)) co_await event_of(*client);
                    if (std::exchange(client->is_readable, false)) receive(*client);
                    break;
                case served_connection::wants::write:
                    if (watch(*client, EPOLLOUT)) co_await event_of(*client);
                    break;
                case served_connection::wants::timer: co_await pause(*client); break;
                case served_connection::wants::yield: co_await asio::post(io_context_, nothrow_await); break;
                case served_connection::wants::compute:
                    client->timer.emplace(io_context_, steady_clock::time_point::max());
                    co_await work(*client);
                    served.done();
                    break;
                case served_connection::wants::done: is_over = true;
                }
            }
        } catch (const std::exception& failure) { // no memory to wait, or no thread for the work
            admission_.report(failure);
        }
    }

    /// Waits until the pause is over or the client has hung up.
    awaitable<void> pause(asio_connection& client) {
        client.timer.emplace(io_context_, client.served.pause());
        if (!client.watched_events) watch(client, EPOLLIN);
        client.is_pausing = true;
        co_await client.timer->async_wait(nothrow_await);
        client.is_pausing = false;
        client.served.done();
    }

    /// Receives, and passes the input to the session. A session that pauses with its input then keeps 1 KiB,
    /// not the driver's buffer of 16.
    static void receive(asio_connection& client) {
        const auto size = recv(client.served.descriptor(), client.input.data(), client.input.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size < 0) return client.served.connection_failed("recv", errno);
        const auto count = static_cast<std::size_t>(size);
        client.served.feed({client.input.data(), count}, count == client.input.size());
    }

    /// Watches the socket for `events`. Returns false if that failed: then the connection is lost.
    ///
    /// The sockets are in an epoll set of the loop's own, which Asio watches as one descriptor. An
    /// asio::ip::tcp::socket would call ioctl(2) and epoll_ctl(2) three times for each connection, and recv(2)
    /// in vain for each request.
    bool watch(asio_connection& client, std::uint32_t events) {
        if (client.watched_events == events) return true;
        epoll_event event{.events = events, .data = {.ptr = &client}};
        const int operation = client.watched_events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(sockets_.get(), operation, client.served.descriptor(), &event) != 0) {
            if (events != 0) client.served.connection_failed("epoll_ctl", errno);
            return false;
        }
        client.watched_events = events;
        return true;
    }

    /// Suspends the client's coroutine until resume(), which on_event() calls.
    awaitable<void> event_of(asio_connection& client) {
        return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
            [&client](auto handler) { client.resume.emplace(std::move(handler)); }, asio::use_awaitable);
    }

    /// Runs the client's coroutine until it waits again. The client may be gone afterwards.
    static void resume(asio_connection& client) {
        if (!client.resume) return;
        auto handler = std::move(*client.resume);
        client.resume.reset();
        std::move(handler)();
    }

    awaitable<void> watch_sockets() {
        while (!is_over()) {
            co_await sockets_ready_.async_wait(descriptor::wait_read, nothrow_await);
            const int count = epoll_wait(sockets_.get(), events_.data(), static_cast<int>(events_.size()), 0);
            for (int i = 0; i < count; ++i) {
                const auto& event = events_[static_cast<std::size_t>(i)];
                on_event(*static_cast<asio_connection*>(event.data.ptr), event.events);
            }
        }
        sockets_ready_.release();
    }

    void on_event(asio_connection& client, std::uint32_t events) {
        if (client.resume) {
            client.is_readable = client.watched_events == EPOLLIN;
            return resume(client);
        }
        if ((events & (EPOLLHUP | EPOLLERR)) == 0) {
            watch(client, 0); // its input waits; level-triggered, the event would repeat
            return;
        }
        epoll_ctl(sockets_.get(), EPOLL_CTL_DEL, client.served.descriptor(), nullptr);
        client.watched_events.reset();
        if (!client.is_pausing) return;
        client.served.connection_failed("epoll_wait", ECONNRESET);
        client.timer->cancel();
    }

    /// Has the session's work done by the pool, and waits for it. The pool uses the session until then: so this
    /// waits even if there is no memory to wait with.
    awaitable<void> work(asio_connection& client) {
        pool().submit(client.served.work(), &client, results_);
        for (bool is_done = false; !is_done;) {
            try {
                co_await client.timer->async_wait(nothrow_await); // take_results() cancels it
                is_done = true;
            } catch (const std::bad_alloc&) {
                stop_signal::interruptible_sleep(std::chrono::milliseconds{1});
            }
        }
    }

    /// Returns the pool; its threads start with the first work, since most services have none. (Not
    /// asio::thread_pool: if one of its threads has no memory to post its result, the process ends.)
    work_pool& pool() {
        if (!results_ready_) {
            results_ready_.emplace(io_context_, results_.descriptor());
            respawn(&asio_loop::take_results);
        }
        if (!pool_) pool_.emplace(options_.threads, options_.max_connections);
        return *pool_;
    }

    awaitable<void> take_results() {
        while (!is_over()) {
            co_await results_ready_->async_wait(descriptor::wait_read, nothrow_await);
            for (void* const tag : results_.take()) static_cast<asio_connection*>(tag)->timer->cancel();
        }
        results_ready_->release();
    }

    [[nodiscard]] bool is_over() const { return stop_signal::is_requested() && clients_.empty(); }

    awaitable<void> check_timeouts() {
        do {
            timeout_timer_.expires_after(timeout_schedule{options_.idle_timeout}.interval());
            co_await timeout_timer_.async_wait(nothrow_await);
            const auto now = steady_clock::now();
            for (auto next = clients_.begin(); next != clients_.end();) {
                auto& client = *next++; // resume() may remove it
                if (!client.served.timed_out(now, options_.idle_timeout)) continue;
                client.served.abort();
                if (client.timer) client.timer->cancel();
                resume(client);
            }
        } while (!is_over());
        if (sockets_ready_.is_open()) sockets_ready_.cancel();
        if (results_ready_ && results_ready_->is_open()) results_ready_->cancel();
    }

    awaitable<void> watch_for_stop() {
        descriptor stop{io_context_, stop_signal::descriptor()};
        co_await stop.async_wait(descriptor::wait_read, nothrow_await);
        stop.release();
        if (listener_ready_.is_open()) listener_ready_.cancel(); // otherwise accept_clients() has ended
        accept_wakeup_.cancel();
        timeout_timer_.cancel();
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker worker_;
    asio::io_context io_context_{1}; // a hint: one thread runs it
    work_pool::results results_;
    std::optional<work_pool> pool_;
    std::optional<descriptor> results_ready_; // results_.descriptor(), as Asio watches it
    unique_fd sockets_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    descriptor sockets_ready_{io_context_, sockets_.get()};
    std::array<epoll_event, max_ready> events_;
    descriptor listener_ready_{io_context_, listener_.descriptor()};
    asio::steady_timer accept_wakeup_{
        io_context_}; // ends the wait of accept_clients() for room or the back-off
    asio::steady_timer timeout_timer_{io_context_};
    admission admission_;
    bool failed_ = false;
    std::list<asio_connection> clients_;
    std::unique_ptr<read_buffer> buffer_; // shared by all clients: see nonblocking_driver::resume()
};

} // namespace

void run_asio_loop(listener& listener, const service& offered, const model_options& options, int number) {
    asio_loop{listener, offered, options, number}.run();
}

} // namespace parley
