// Thread pool: a fixed number of threads that run tasks from one queue. A task costs a few microseconds instead
// of a thread's start, and however many tasks there are, only that many run at a time.
#pragma once

#include "common/concurrency/bounded_queue.hpp"
#include "common/concurrency/named_thread.hpp"

#include <cstddef>
#include <future>
#include <limits>
#include <list>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace parley {

class thread_pool {
public:
    static constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

    /// Starts `threads` threads, named NAME_0, NAME_1 ... At most `max_queued` tasks wait for a thread. A pool
    /// whose own tasks submit tasks and wait for them can come to a standstill: all threads wait, and none
    /// works. Throws std::invalid_argument without a thread or if the names are too long, and std::system_error
    /// if the system has no thread left.
    explicit thread_pool(std::size_t threads, const std::string& name = "pool",
                         std::size_t max_queued = unlimited);
    thread_pool(thread_pool&&) = delete;

    /// As join().
    ~thread_pool() { join(); }

    /// Lets a thread call `function()`. Waits while the queue is full. The future has the result, or the
    /// exception that was thrown. Throws std::logic_error if the pool is closed.
    template <class Function>
    auto submit(Function function) {
        std::packaged_task<std::invoke_result_t<Function&>()> task{std::move(function)};
        auto result = task.get_future();
        std::packaged_task<void()> entry{std::move(task)};
        if (!tasks_.push(entry, [] { return false; }))
            throw std::logic_error("the thread pool is closed: submit the task before close()");
        return result;
    }

    /// Calls `function(item)` for all items, in the threads of the pool, and returns the results in the order
    /// of the items. `function` is called by several threads at once. If calls throw, the others still run;
    /// then the first exception in the order of the items is rethrown. Must not be called by a task of the
    /// pool.
    template <class Function, std::ranges::forward_range Items>
    auto map(Function function, Items&& items) {
        using result = std::invoke_result_t<Function&, std::ranges::range_reference_t<Items>>;
        waited_futures<result> futures;
        for (auto item = std::ranges::begin(items); item != std::ranges::end(items); ++item)
            futures.list.push_back(submit([&function, item] { return function(*item); }));
        std::vector<result> results;
        for (auto& future : futures.list) results.push_back(future.get());
        return results;
    }

    /// Refuses further tasks. Those in the queue still run.
    void close() { tasks_.close(); }

    /// Closes the pool, and waits until all tasks have run and the threads have ended.
    void join();

private:
    /// The tasks of map() refer to its variables, so none may run when an exception leaves map().
    template <class Result>
    struct waited_futures {
        std::list<std::future<Result>> list;
        ~waited_futures() {
            for (auto& future : list)
                if (future.valid()) future.wait();
        }
    };

    bounded_queue<std::packaged_task<void()>> tasks_;
    std::list<named_thread> threads_;
};

} // namespace parley
