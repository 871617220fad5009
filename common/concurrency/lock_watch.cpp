// A thread that waits is an edge: to the lock, and from the lock to its owner. Every thread of a deadlock
// waits, and each records what it holds before it records what it waits for. So the last one sees the whole
// cycle, and it has not blocked yet. A lock that is being handed over has no owner for a moment, so no cycle is
// seen that is none.
#include "common/concurrency/lock_watch.hpp"

#include "common/concurrency/named_thread.hpp"

namespace parley {

bool lock_watch::try_lock(watched_mutex& lock) {
    const std::lock_guard guard{mutex_};
    // std::mutex::try_lock is undefined in the thread that holds the lock.
    if (lock.owner_ != std::thread::id{} || !lock.mutex_.try_lock()) return false;
    lock.owner_ = std::this_thread::get_id();
    lock.owner_name_ = this_thread_name();
    return true;
}

void lock_watch::before_wait(const watched_mutex& lock) {
    std::unique_lock guard{mutex_};
    if (const auto report = find_deadlock(lock); !report.empty()) {
        guard.unlock(); // the other threads of the cycle cannot change it: they are blocked
        on_deadlock_(report);
        guard.lock();
    }
    waits_.insert_or_assign(std::this_thread::get_id(), wait{this_thread_name(), &lock});
}

void lock_watch::after_wait(watched_mutex& lock) {
    const std::lock_guard guard{mutex_};
    auto waited = waits_.extract(std::this_thread::get_id());
    lock.owner_ = waited.key();
    lock.owner_name_ = std::move(waited.mapped().thread);
}

void lock_watch::before_unlock(watched_mutex& lock) {
    const std::lock_guard guard{mutex_};
    lock.owner_ = {};
}

/// Returns the report of the cycle that this thread closes if it waits for `wanted`, or an empty text. The
/// steps are limited, since the path can lead to a cycle of other threads, which it never leaves.
std::string lock_watch::find_deadlock(const watched_mutex& wanted) const {
    const auto self = std::this_thread::get_id();
    std::string others;
    const auto* lock = &wanted;
    for (std::size_t step = 0; step <= waits_.size(); ++step) {
        if (lock->owner_ == self)
            return "deadlock: thread " + this_thread_name() + " holds lock '" + lock->name_ +
                   "' and waits for '" + wanted.name_ + "'" + others;
        const auto next = waits_.find(lock->owner_);
        if (next == waits_.end()) break;
        others += "; thread " + next->second.thread + " holds '" + lock->name_ + "' and waits for '" +
                  next->second.lock->name_ + "'";
        lock = next->second.lock;
    }
    return {};
}

std::vector<std::string> lock_watch::waits() const {
    const std::lock_guard guard{mutex_};
    std::vector<std::string> lines;
    for (const auto& [id, waiter] : waits_) {
        lines.push_back("thread " + waiter.thread + " waits for '" + waiter.lock->name_ + "'");
        if (waiter.lock->owner_ != std::thread::id{})
            lines.back() += ", which thread " + waiter.lock->owner_name_ + " holds";
    }
    return lines;
}

} // namespace parley
