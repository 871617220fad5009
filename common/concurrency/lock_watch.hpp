// Deadlock detector: a wait-for graph of threads and locks, which is searched for a cycle before a thread
// blocks (E. G. Coffman, M. Elphick, A. Shoshani: System Deadlocks, 1971). A deadlock is then an error with a
// text that names threads and locks, instead of a program that stands still.
//
//     lock_watch watch;
//     watched_mutex x{"x", &watch}, y{"y", &watch};
//
// Without a watch, a watched_mutex is a std::mutex plus one branch.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace parley {

/// The error EDEADLK. what() begins with the report of the lock_watch.
class deadlock_error : public std::system_error {
public:
    explicit deadlock_error(const std::string& report)
        : std::system_error{std::make_error_code(std::errc::resource_deadlock_would_occur), report} {}
};

class watched_mutex;

class lock_watch {
public:
    /// Calls `on_deadlock(report)` in the thread that is about to close a cycle. If that returns, the thread
    /// blocks, as it would without a watch. By default it throws deadlock_error from lock().
    explicit lock_watch(std::function<void(const std::string& report)> on_deadlock =
                            [](const std::string& report) { throw deadlock_error{report}; })
        : on_deadlock_{std::move(on_deadlock)} {}
    lock_watch(lock_watch&&) = delete;

    /// Returns who waits for what now: "thread B waits for 'x', which thread A holds".
    [[nodiscard]] std::vector<std::string> waits() const;

private:
    friend watched_mutex;

    struct wait {
        std::string thread;
        const watched_mutex* lock;
    };

    bool try_lock(watched_mutex& lock);
    void before_wait(const watched_mutex& lock);
    void after_wait(watched_mutex& lock);
    void before_unlock(watched_mutex& lock);
    [[nodiscard]] std::string find_deadlock(const watched_mutex& wanted) const;

    const std::function<void(const std::string&)> on_deadlock_;
    mutable std::mutex mutex_; // guards waits_, and the owners of all locks that are watched
    std::map<std::thread::id, wait> waits_;
};

/// A mutex for std::lock_guard and std::scoped_lock whose deadlocks can be watched.
class watched_mutex {
public:
    /// `watch` must outlive the mutex.
    explicit watched_mutex(std::string name, lock_watch* watch = nullptr)
        : name_{std::move(name)}, watch_{watch} {}
    watched_mutex(watched_mutex&&) = delete;

    /// With a watch, throws deadlock_error if this would wait forever: also if the thread already holds the
    /// lock.
    void lock() {
        if (!watch_) return mutex_.lock();
        if (watch_->try_lock(*this)) return;
        watch_->before_wait(*this);
        mutex_.lock();
        watch_->after_wait(*this);
    }
    bool try_lock() { return watch_ ? watch_->try_lock(*this) : mutex_.try_lock(); }
    void unlock() {
        if (watch_) watch_->before_unlock(*this);
        mutex_.unlock();
    }

private:
    friend lock_watch;

    const std::string name_;
    lock_watch* const watch_;
    std::mutex mutex_;
    std::thread::id owner_; // known only with a watch
    std::string owner_name_;
};

} // namespace parley
