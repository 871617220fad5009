// Bounded blocking queue between threads (monitor with two condition variables). The limit makes a producer
// wait that is faster than its consumers, instead of filling the memory.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace parley {

template <class Item>
class bounded_queue {
public:
    explicit bounded_queue(std::size_t limit) : limit_{limit} {}

    /// Waits for room and moves `item` into the queue. Returns false if `should_cancel()` is true or the queue
    /// is closed; then the caller keeps the item. `should_cancel` is called every 20 ms, since a signal does
    /// not interrupt a wait for a condition variable (pthread_cond_wait(3)).
    template <class ShouldCancel>
    bool push(Item& item, ShouldCancel should_cancel) {
        std::unique_lock lock{mutex_};
        const auto has_room = [&] { return items_.size() < limit_ || closed_; };
        while (!room_.wait_for(lock, std::chrono::milliseconds{20}, has_room))
            if (should_cancel()) return false;
        if (closed_) return false;
        items_.push_back(std::move(item));
        lock.unlock();
        filled_.notify_one();
        return true;
    }

    /// Waits for the oldest item and removes it. Returns nullopt if the queue is closed and empty.
    std::optional<Item> pop() {
        std::unique_lock lock{mutex_};
        filled_.wait(lock, [&] { return !items_.empty() || closed_; });
        if (items_.empty()) return std::nullopt;
        std::optional<Item> item{std::move(items_.front())};
        items_.pop_front();
        lock.unlock();
        room_.notify_one();
        return item;
    }

    /// Refuses further items. The items in the queue can still be removed.
    void close() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        filled_.notify_all();
        room_.notify_all();
    }

private:
    const std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable filled_;
    std::condition_variable room_;
    std::deque<Item> items_;
    bool closed_ = false;
};

} // namespace parley
