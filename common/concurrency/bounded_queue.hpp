// The lecture's queue between threads, with a limit: a producer that is faster than its consumers must wait
// instead of filling the memory.
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

    /// Waits for room. `give_up()` is asked every 20 ms, since no signal ends a wait for a condition.
    /// False: it gave up, or the queue was closed; the item is still the caller's.
    template <class GiveUp>
    bool push(Item& item, GiveUp give_up) {
        std::unique_lock lock{mutex_};
        const auto has_room = [&] { return items_.size() < limit_ || closed_; };
        while (!room_.wait_for(lock, std::chrono::milliseconds{20}, has_room))
            if (give_up()) return false;
        if (closed_) return false;
        items_.push_back(std::move(item));
        lock.unlock();
        filled_.notify_one();
        return true;
    }

    /// Waits for an item, first in first out. Nothing: the queue is closed and empty.
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

    /// No more items: those inside can still be taken.
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
