// Many jobs in one thread: coroutines over one Asio loop, at most N at a time (gevent's Pool). A job that waits
// for a socket or a timer costs some hundred bytes, not a thread. A job that computes or blocks stops all
// others.
//
//     coroutine_pool pool{2};
//     const auto pages = pool.map([&](const std::string& url) { return fetch(pool, url); }, urls);
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley {

/// Not for several threads.
class coroutine_pool {
public:
    static constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

    /// At most `limit` jobs have begun and not ended. Throws std::invalid_argument if it is 0.
    explicit coroutine_pool(std::size_t limit = unlimited) : limit_{limit} {
        if (limit == 0) throw std::invalid_argument("a pool of coroutines needs a limit of at least 1");
    }
    coroutine_pool(coroutine_pool&&) = delete;

    /// The loop, for the timers and sockets of the jobs.
    [[nodiscard]] asio::io_context& io_context() { return io_context_; }

    /// Adds a job: `job()` returns asio::awaitable<void>. It begins in join_all(), and may add jobs itself.
    /// `job` is kept until it has ended, so a coroutine that is a lambda can use its captures.
    void spawn(std::function<asio::awaitable<void>()> job) {
        waiting_.push_back(std::move(job));
        start_waiting();
    }

    /// Runs the loop until all jobs have ended. Then rethrows the first exception of a job.
    void join_all() {
        io_context_.restart();
        io_context_.run();
        if (failure_) std::rethrow_exception(std::exchange(failure_, {}));
    }

    /// Runs `function(item)`, which returns an asio::awaitable, for all items, and returns the results in the
    /// order of the items. If some of them throw, the others end; then the first exception is rethrown. Not
    /// from a job.
    template <class Function, std::ranges::forward_range Items>
    auto map(Function function, Items&& items) {
        using item = std::ranges::iterator_t<Items>;
        using result = typename std::invoke_result_t<Function&, std::iter_reference_t<item>>::value_type;
        std::deque<std::optional<result>> slots; // its elements do not move
        for (auto it = std::ranges::begin(items); it != std::ranges::end(items); ++it)
            spawn([&function, it, &slot = slots.emplace_back()]() -> asio::awaitable<void> {
                slot = co_await function(*it);
            });
        join_all();
        std::vector<result> results;
        for (auto& slot : slots) results.push_back(std::move(*slot));
        return results;
    }

private:
    void start_waiting() {
        while (running_ < limit_ && !waiting_.empty()) {
            auto job = std::move(waiting_.front());
            waiting_.pop_front();
            ++running_;
            asio::co_spawn(io_context_, std::move(job), [this](const std::exception_ptr& failure) {
                if (!failure_) failure_ = failure;
                --running_;
                start_waiting();
            });
        }
    }

    const std::size_t limit_;
    std::size_t running_ = 0;
    std::exception_ptr failure_;
    asio::io_context io_context_{1}; // one thread, so Asio needs no locks; owns the jobs that have begun
    std::deque<std::function<asio::awaitable<void>()>> waiting_;
};

} // namespace parley
