// A value together with the mutex that guards it, so that no code can access the value without the lock. Works
// in shared memory, also if a process is killed while it holds the lock (pthread_mutexattr_setrobust(3)).
#pragma once

#include <cerrno>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <time.h>

namespace parley {

/// A mutex for std::lock_guard that works between processes. If its owner dies, the next process gets the lock.
/// So the guarded value must be consistent after every single store.
class shared_mutex {
public:
    shared_mutex() {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&mutex_, &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;

    void lock() {
        // With a time limit, and then again: if a process is killed just when it is woken for the lock, and
        // another one takes the lock at that moment, no unlock wakes the next process that waits. Not
        // pthread_mutex_clocklock(3), which g++ 12's ThreadSanitizer does not know.
        int error = pthread_mutex_trylock(&mutex_);
        while (error == EBUSY || error == ETIMEDOUT) {
            timespec limit{};
            clock_gettime(CLOCK_REALTIME, &limit);
            ++limit.tv_sec;
            error = pthread_mutex_timedlock(&mutex_, &limit);
        }
        if (error == EOWNERDEAD)
            pthread_mutex_consistent(&mutex_);
        else if (error != 0)
            throw std::system_error(error, std::generic_category(), "pthread_mutex_timedlock");
    }
    void unlock() { pthread_mutex_unlock(&mutex_); }

private:
    pthread_mutex_t mutex_;
};

template <class Value>
class locked {
public:
    /// Calls `use(value)` under the lock and returns its result.
    template <class Use>
    auto with(Use use) {
        const std::lock_guard lock{mutex_};
        return use(value_);
    }

private:
    shared_mutex mutex_;
    Value value_{};
};

} // namespace parley
