// Four coroutines: one accepts, one for each client talks, one looks at the clock, one waits for the stop.
#include "server/coroutine_loop.hpp"

#include "common/stop_signal.hpp"
#include "server/model.hpp"
#include "server/reception.hpp"
#include "server/served_connection.hpp"

#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <list>
#include <optional>

namespace parley {

namespace {

using asio::awaitable;
using std::chrono::steady_clock;
using descriptor = asio::posix::stream_descriptor;
using socket_type = asio::generic::stream_protocol::socket;

/// What ends a coroutine ends the loop: Asio's detached would swallow it, and a server without ears would stay.
void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

/// A wait that was cancelled is over, too: what to do next is asked of the conversation, not of the error.
constexpr auto quietly = asio::experimental::as_tuple(asio::use_awaitable);

/// A conversation, which owns its socket, and what Asio watches for it.
struct watched {
    watched(asio::io_context& loop, connection wire, const service& offered, worker& by)
        : talk{std::move(wire), offered, by}, socket{loop, {AF_INET, 0}, talk.descriptor()} {}
    ~watched() { socket.release(); }

    served_connection talk;
    socket_type socket;
    std::optional<asio::steady_timer> pause;
    std::array<char, 1024> input; // small: each client has one, however idle. What it cannot hold waits.
};

awaitable<void> carry_out(compute work) {
    work();
    co_return;
}

class coroutine_loop {
public:
    coroutine_loop(listener& door, const service& offered, const model_options& options, int number)
        : door_{door}, offered_{offered}, options_{options}, self_{options.board, number} {}

    void run() {
        keep_up(&coroutine_loop::accept_clients);
        keep_up(&coroutine_loop::look_for_overdue);
        asio::co_spawn(loop_, watch_for_stop(), rethrow);
        loop_.run();
    }

private:
    /// Begins a coroutine that the loop cannot do without; again, where it ended for lack of memory.
    void keep_up(awaitable<void> (coroutine_loop::*what)()) {
        asio::co_spawn(loop_, (this->*what)(), [this, what](const std::exception_ptr& failure) {
            try {
                rethrow(failure);
            } catch (const std::bad_alloc& error) {
                reception_.complain(error);
                stop_signal::nap(listener::breath);
                keep_up(what);
            }
        });
    }

    awaitable<void> accept_clients() {
        while (!stop_signal::requested()) {
            const auto breath = door_.breath_left();
            if (breath || live_.size() >= static_cast<std::size_t>(options_.max_connections)) {
                something_changed_.expires_after(breath.value_or(std::chrono::hours{1}));
                co_await something_changed_.async_wait(quietly);
            } else if (auto peer = door_.try_accept(listener::calls::non_blocking)) {
                let_in(std::move(*peer));
            } else {
                co_await entrance_.async_wait(descriptor::wait_read, quietly);
            }
        }
        while (live_.size() < static_cast<std::size_t>(options_.max_connections)) {
            auto peer = door_.accept_last(listener::calls::non_blocking);
            if (!peer) break;
            let_in(std::move(*peer));
        }
        entrance_.release();
        door_.close();
    }

    void let_in(connection wire) {
        if (!reception_.admit([&] { live_.emplace_front(loop_, std::move(wire), offered_, self_); })) return;
        const auto own = live_.begin();
        if (!reception_.admit([&] { asio::co_spawn(loop_, converse(own), rethrow); })) live_.erase(own);
    }

    awaitable<void> converse(std::list<watched>::iterator own) {
        auto& [talk, socket, pause, input] = *own;
        std::error_code error;
        std::size_t size = 0;
        try {
            for (bool over = false; !over;) {
                switch (talk.go_on(spare_)) {
                case served_connection::waits_for::input:
                    std::tie(error, size) = co_await socket.async_receive(asio::buffer(input), quietly);
                    if (!error) talk.feed({input.data(), size}, size == input.size());
                    break; // at an error, and at the end of input, the conversation sees for itself
                case served_connection::waits_for::room:
                    co_await socket.async_wait(socket_type::wait_write, quietly);
                    break;
                case served_connection::waits_for::time:
                    pause.emplace(loop_, talk.pause());
                    co_await pause->async_wait(quietly);
                    talk.done();
                    break;
                case served_connection::waits_for::work:
                    // post() would not move there
                    co_await asio::co_spawn(pool(), carry_out(talk.work()), quietly);
                    talk.done();
                    break;
                case served_connection::waits_for::nothing: over = true;
                }
            }
        } catch (const std::exception& failure) { // there is no memory to wait, or no thread to work
            reception_.complain(failure);
        }
        live_.erase(own);
        something_changed_.cancel();
    }

    /// Threads begin with the first work: most services have none.
    asio::thread_pool& pool() {
        if (!pool_) pool_.emplace(static_cast<std::size_t>(options_.threads));
        return *pool_;
    }

    awaitable<void> look_for_overdue() {
        do {
            tick_.expires_after(served_connection::look_again_after(options_.idle_timeout));
            co_await tick_.async_wait(quietly);
            const auto now = steady_clock::now();
            for (auto& each : live_) {
                if (!each.talk.overdue(now, options_.idle_timeout)) continue;
                each.talk.give_up();
                each.socket.cancel();
                if (each.pause) each.pause->cancel();
            }
        } while (!stop_signal::requested() || !live_.empty());
    }

    awaitable<void> watch_for_stop() {
        descriptor stop{loop_, stop_signal::descriptor()};
        co_await stop.async_wait(descriptor::wait_read, quietly);
        stop.release();
        if (entrance_.is_open()) entrance_.cancel(); // else accept_clients() has seen the stop already
        something_changed_.cancel();
        tick_.cancel();
    }

    listener& door_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    asio::io_context loop_{1}; // run by one thread
    std::optional<asio::thread_pool> pool_;
    descriptor entrance_{loop_, door_.descriptor()};
    asio::steady_timer something_changed_{loop_}; // what accept_clients() sleeps on
    asio::steady_timer tick_{loop_};
    reception reception_;
    std::list<watched> live_;
    std::unique_ptr<input_area> spare_;
};

} // namespace

void run_coroutine_loop(listener& door, const service& offered, const model_options& options, int number) {
    coroutine_loop{door, offered, options, number}.run();
}

} // namespace parley
