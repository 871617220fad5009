// Five kinds of coroutine: one accepts, one for each client talks, one waits for the sockets of all clients,
// one looks at the clock, one waits for the stop; and one hears of work that is done, where a service has work
// for other threads.
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

/// What ends a coroutine ends the loop: Asio's detached would swallow it, and a server without ears would stay.
void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

/// A wait that was cancelled is over, too: what to do next is asked of the conversation, not of the error.
constexpr auto nothrow_await = asio::experimental::as_tuple(asio::use_awaitable);

/// A conversation, which owns its socket, and what it waits for.
struct watched {
    watched(connection connection, const service& offered, worker& worker)
        : served{std::move(connection), offered, worker} {}

    served_connection served;
    std::optional<std::uint32_t> events; // that epoll watches for it
    std::optional<asio::async_result<asio::use_awaitable_t<>, void()>::handler_type> resume; // at an event
    std::optional<asio::steady_timer> pause;
    bool is_pausing = false;
    bool is_readable = false;
    std::array<char, 1024>
        input; // small: each client that pauses has one. The driver reads what it cannot hold.
};

class asio_loop {
public:
    asio_loop(listener& listener, const service& offered, const model_options& options, int number)
        : listener_{listener}, offered_{offered}, options_{options}, self_{options.board, number} {}

    void run() {
        respawn(&asio_loop::accept_clients);
        respawn(&asio_loop::check_timeouts);
        respawn(&asio_loop::watch_sockets);
        asio::co_spawn(loop_, watch_for_stop(), rethrow);
        options_.ready();
        for (bool ran_out = false; !ran_out;) {
            try {
                loop_.run();
                ran_out = true;
            } catch (const std::bad_alloc& error) { // Asio had none to resume somebody: that one is lost
                admission_.complain(error);
            } catch (...) {
                failed_ = true;
                throw;
            }
        }
    }

private:
    /// Begins a coroutine that the loop cannot do without; again, where it ended for lack of memory.
    void respawn(awaitable<void> (asio_loop::*what)()) {
        asio::co_spawn(loop_, (this->*what)(), [this, what](const std::exception_ptr& failure) {
            try {
                rethrow(failure);
            } catch (const std::bad_alloc& error) {
                admission_.complain(error);
                start_again(what);
            }
        });
    }

    void start_again(awaitable<void> (asio_loop::*what)()) {
        for (bool begun = false; !begun;) {
            stop_signal::interruptible_sleep(listener::accept_backoff);
            begun = admission_.admit([&] { respawn(what); });
        }
    }

    awaitable<void> accept_clients() {
        for (int turns_with_clients = 0; !stop_signal::is_requested();) {
            const auto accept_backoff = listener_.backoff_left();
            if (accept_backoff || is_full()) {
                accept_wakeup_.expires_after(accept_backoff.value_or(std::chrono::hours{1}));
                co_await accept_wakeup_.async_wait(nothrow_await);
            } else {
                co_await entrance_.async_wait(descriptor::wait_read, nothrow_await);
                const bool more = accept_some(1 << std::min(turns_with_clients / 4, 6));
                turns_with_clients = more ? turns_with_clients + 1 : 0;
            }
        }
        listener_.drain_backlog(
            listener::calls::non_blocking, [&] { return !is_full(); },
            [&](connection connection) { add_client(std::move(connection)); });
        entrance_.release();
        listener_.close();
    }

    /// Few in a turn, and more if clients still wait in the next: to accept until nobody waits would take a
    /// call more for each client that comes alone. Returns false if nobody waits any more.
    bool accept_some(int most) {
        for (int i = 0; i != most && !is_full() && !stop_signal::is_requested(); ++i) {
            auto peer = listener_.try_accept(listener::calls::non_blocking);
            if (!peer) return false;
            add_client(std::move(*peer));
        }
        return true;
    }

    [[nodiscard]] bool is_full() const {
        return live_.size() >= static_cast<std::size_t>(options_.max_connections);
    }

    void add_client(connection connection) {
        if (!admission_.admit([&] { live_.emplace_front(std::move(connection), offered_, self_); })) return;
        const auto own = live_.begin();
        if (!admission_.admit([&] { asio::co_spawn(loop_, converse(own), rethrow); })) live_.erase(own);
    }

    /// Ends a conversation with the coroutine that carries it, however that ends.
    struct erase_on_exit {
        asio_loop& loop;
        std::list<watched>::iterator own;
        ~erase_on_exit() {
            if (loop.failed_) return; // all go
            loop.live_.erase(own);
            loop.accept_wakeup_.cancel();
        }
    };

    awaitable<void> converse(std::list<watched>::iterator own) {
        const erase_on_exit lives{*this, own};
        auto& served = own->served;
        served.skip_next_read();
        try {
            for (bool over = false; !over;) {
                switch (served.resume(buffer_)) {
                case served_connection::wants::read:
                    if (watch(*own, EPOLLIN)) co_await event_of(*own);
                    if (std::exchange(own->is_readable, false)) receive(*own);
                    break;
                case served_connection::wants::write:
                    if (watch(*own, EPOLLOUT)) co_await event_of(*own);
                    break;
                case served_connection::wants::timer: co_await rest(*own); break;
                case served_connection::wants::yield: co_await asio::post(loop_, nothrow_await); break;
                case served_connection::wants::compute:
                    own->pause.emplace(loop_, steady_clock::time_point::max());
                    co_await work(*own);
                    served.done();
                    break;
                case served_connection::wants::done: over = true;
                }
            }
        } catch (const std::exception& failure) { // there is no memory to wait, or no thread to work
            admission_.complain(failure);
        }
    }

    /// Waits until the pause is over, or the client has hung up.
    awaitable<void> rest(watched& whose) {
        whose.pause.emplace(loop_, whose.served.pause());
        if (!whose.events) watch(whose, EPOLLIN);
        whose.is_pausing = true;
        co_await whose.pause->async_wait(nothrow_await);
        whose.is_pausing = false;
        whose.served.done();
    }

    /// Hands the conversation what its client has sent. A pause keeps less memory so than if the driver read.
    static void receive(watched& client) {
        const auto size = recv(client.served.descriptor(), client.input.data(), client.input.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size < 0) return client.served.lost("recv", errno);
        const auto count = static_cast<std::size_t>(size);
        client.served.feed({client.input.data(), count}, count == client.input.size());
    }

    /// Has epoll watch the socket. False: it cannot, and the connection is lost. (Not an Asio socket: that
    /// calls ioctl(2) and epoll_ctl(2) three times for a connection, and recv(2) in vain for a request.)
    bool watch(watched& client, std::uint32_t events) {
        if (client.events == events) return true;
        epoll_event event{.events = events, .data = {.ptr = &client}};
        const int operation = client.events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(sockets_.get(), operation, client.served.descriptor(), &event) != 0) {
            if (events != 0) client.served.lost("epoll_ctl", errno);
            return false;
        }
        client.events = events;
        return true;
    }

    /// Suspends the conversation until resume(), which an event of its socket calls.
    awaitable<void> event_of(watched& client) {
        return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
            [&client](auto handler) { client.resume.emplace(std::move(handler)); }, asio::use_awaitable);
    }

    /// The conversation may end meanwhile.
    static void resume(watched& client) {
        if (!client.resume) return;
        auto handler = std::move(*client.resume);
        client.resume.reset();
        std::move(handler)();
    }

    /// Asio watches all sockets as one.
    awaitable<void> watch_sockets() {
        while (!is_over()) {
            co_await sockets_ready_.async_wait(descriptor::wait_read, nothrow_await);
            const int count = epoll_wait(sockets_.get(), events_.data(), static_cast<int>(events_.size()), 0);
            for (int i = 0; i < count; ++i) {
                const auto& event = events_[static_cast<std::size_t>(i)];
                happened(*static_cast<watched*>(event.data.ptr), event.events);
            }
        }
        sockets_ready_.release();
    }

    void happened(watched& client, std::uint32_t events) {
        if (client.resume) {
            client.is_readable = client.events == EPOLLIN;
            return resume(client);
        }
        if ((events & (EPOLLHUP | EPOLLERR)) == 0) {
            watch(client, 0); // what it has to say can wait
            return;
        }
        epoll_ctl(sockets_.get(), EPOLL_CTL_DEL, client.served.descriptor(), nullptr);
        client.events.reset();
        if (!client.is_pausing) return;
        client.served.lost("epoll_wait", ECONNRESET);
        client.pause->cancel();
    }

    /// Once it is under way, work cannot be taken back: so this waits, even where there is no memory to wait
    /// with.
    awaitable<void> work(watched& whose) {
        pool().submit(whose.served.work(), &whose, worked_);
        for (bool done = false; !done;) {
            try {
                co_await whose.pause->async_wait(nothrow_await); // wake_who_worked() cancels it
                done = true;
            } catch (const std::bad_alloc&) {
                stop_signal::interruptible_sleep(std::chrono::milliseconds{1});
            }
        }
    }

    /// Threads begin with the first work: most services have none. (Not Asio's pool: a thread of it that has no
    /// memory to say that it is done ends the process.)
    work_pool& pool() {
        if (!work_done_) {
            work_done_.emplace(loop_, worked_.descriptor());
            respawn(&asio_loop::wake_who_worked);
        }
        if (!pool_) pool_.emplace(options_.threads, options_.max_connections);
        return *pool_;
    }

    awaitable<void> wake_who_worked() {
        while (!is_over()) {
            co_await work_done_->async_wait(descriptor::wait_read, nothrow_await);
            for (void* const tag : worked_.take()) static_cast<watched*>(tag)->pause->cancel();
        }
        work_done_->release();
    }

    [[nodiscard]] bool is_over() const { return stop_signal::is_requested() && live_.empty(); }

    awaitable<void> check_timeouts() {
        do {
            timeout_timer_.expires_after(timeout_schedule{options_.idle_timeout}.interval());
            co_await timeout_timer_.async_wait(nothrow_await);
            const auto now = steady_clock::now();
            for (auto next = live_.begin(); next != live_.end();) {
                auto& each = *next++;
                if (!each.served.timed_out(now, options_.idle_timeout)) continue;
                each.served.give_up();
                if (each.pause) each.pause->cancel();
                resume(each);
            }
        } while (!is_over());
        if (sockets_ready_.is_open()) sockets_ready_.cancel();
        if (work_done_ && work_done_->is_open()) work_done_->cancel();
    }

    awaitable<void> watch_for_stop() {
        descriptor stop{loop_, stop_signal::descriptor()};
        co_await stop.async_wait(descriptor::wait_read, nothrow_await);
        stop.release();
        if (entrance_.is_open()) entrance_.cancel(); // else accept_clients() has seen the stop already
        accept_wakeup_.cancel();
        timeout_timer_.cancel();
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    asio::io_context loop_{1}; // run by one thread
    work_pool::results worked_;
    std::optional<work_pool> pool_;
    std::optional<descriptor> work_done_; // worked_'s
    unique_fd sockets_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    descriptor sockets_ready_{loop_, sockets_.get()};
    std::array<epoll_event, 256> events_;
    descriptor entrance_{loop_, listener_.descriptor()};
    asio::steady_timer accept_wakeup_{loop_}; // what accept_clients() sleeps on
    asio::steady_timer timeout_timer_{loop_};
    admission admission_;
    bool failed_ = false;
    std::list<watched> live_;
    std::unique_ptr<read_buffer> buffer_;
};

} // namespace

void run_asio_loop(listener& listener, const service& offered, const model_options& options, int number) {
    asio_loop{listener, offered, options, number}.run();
}

} // namespace parley
