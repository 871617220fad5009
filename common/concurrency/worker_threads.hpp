// Threads that run drivers. Each has a number; none is detached, and all are joined. They are created by
// pthread_create(3), since std::jthread cannot set the stack size, which is most of the cost of a thread.
#pragma once

#include "common/concurrency/slot_numbers.hpp"
#include "common/log.hpp"

#include <concepts>
#include <condition_variable>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <utility>

namespace parley {

class worker_threads {
public:
    /// A move-only callable that a thread calls with its number. If it throws, the server stops, see join().
    ///
    /// It must be able to own a connection, which std::function cannot. std::move_only_function is C++23, and
    /// std::packaged_task costs a system call at its end (it wakes threads that could wait for its result).
    class work {
    public:
        template <class Task>
        requires(!std::same_as<Task, work>) explicit work(Task task)
            : task_{new Task(std::move(task)), [](void* owned) { delete static_cast<Task*>(owned); }},
              call_{[](void* owned, int number) { (*static_cast<Task*>(owned))(number); }} {}
        void operator()(int number) { call_(task_.get(), number); }

    private:
        std::unique_ptr<void, void (*)(void*)> task_;
        void (*call_)(void*, int);
    };

    /// Allows at most `limit` threads at a time, numbered from 1.
    explicit worker_threads(int limit);
    worker_threads(const worker_threads&) = delete;
    worker_threads& operator=(const worker_threads&) = delete;

    /// Requests a stop if threads are running, and joins them.
    ~worker_threads();

    /// Waits until fewer threads than the limit run. Returns false if a stop was requested and the grace period
    /// is over.
    bool wait_for_room();

    /// Runs `task` in a new thread. Waits while the system has no thread left (EAGAIN). Returns false if a stop
    /// is requested while it waits. Only after wait_for_room(). Throws std::bad_alloc.
    bool start(work task);

    /// Interrupts the blocked calls of all threads if a stop was requested (stop_signal::wake_signal).
    void wake_all();

    /// Waits until all threads have exited. After a stop request it interrupts their blocked calls repeatedly.
    /// Rethrows the first exception of a thread.
    void join();

private:
    struct thread {
        worker_threads& group;
        work task;
        int number = 0;
        pthread_t handle{};
        std::list<thread>::iterator self{};
    };

    static void* run(void* argument);
    void wake_running();
    void wait_for_all();
    void wait_for_exit(std::unique_lock<std::mutex>& lock);
    void join_exited(std::size_t may_remain);

    pthread_attr_t attributes_;
    std::mutex mutex_; // guards all members below
    std::condition_variable thread_exited_;
    slot_numbers numbers_;
    std::list<thread> running_;
    std::list<thread> exited_;
    std::exception_ptr failure_;
    once_a_second may_log_;
};

} // namespace parley
