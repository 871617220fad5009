// Recursive mutex: its owner can lock it again. A mutex, an owner and a count, written to be read; in other
// programs use std::recursive_mutex. A function that locks can then call another one that locks the same.
#pragma once

#include "common/concurrency/lock_watch.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace parley {

/// For std::lock_guard and std::scoped_lock.
class recursive_mutex {
public:
    explicit recursive_mutex(std::string name, lock_watch* watch = nullptr) : mutex_{std::move(name), watch} {}

    /// Waits until no other thread holds the lock. Each lock() needs an unlock().
    void lock() {
        if (!is_owner()) {
            mutex_.lock();
            owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
        }
        ++count_;
    }

    bool try_lock() {
        if (!is_owner()) {
            if (!mutex_.try_lock()) return false;
            owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
        }
        ++count_;
        return true;
    }

    /// Throws std::system_error (EPERM) in a thread that does not hold the lock.
    void unlock() {
        if (!is_owner())
            throw std::system_error(std::make_error_code(std::errc::operation_not_permitted), "unlock");
        if (--count_ != 0) return;
        owner_.store({}, std::memory_order_relaxed);
        mutex_.unlock();
    }

private:
    /// Read without the lock. Only this thread stores its own id, so what other threads store at the same time
    /// does not matter, and no memory order is needed.
    [[nodiscard]] bool is_owner() const {
        return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }

    watched_mutex mutex_;
    std::atomic<std::thread::id> owner_{std::thread::id{}};
    std::size_t count_ = 0; // guarded by mutex_
};

} // namespace parley
