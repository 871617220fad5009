// Threads that run drivers: each has a number, none is detached, all are joined. Made with pthread_create(3),
// since std::jthread cannot choose the size of the stack, which is most of what a thread costs.
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
    /// What a thread does with its number. What it throws stops the server, see join(). (It may own a
    /// connection: std::function cannot, std::move_only_function is C++23, and std::packaged_task wakes at its
    /// end a thread that might wait for a result, a system call each.)
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

    /// At most `limit` at a time, numbered from 1.
    explicit worker_threads(int limit);
    worker_threads(const worker_threads&) = delete;
    worker_threads& operator=(const worker_threads&) = delete;

    /// Requests a stop if threads are left, and waits for their end.
    ~worker_threads();

    /// Waits until there are fewer than the limit. False: a stop was requested, and the grace is over.
    bool wait_for_room();

    /// Runs `task` in a new thread. Waits while no thread is to be had (EAGAIN). False: a stop was requested
    /// meanwhile. Only where there is room. Throws std::bad_alloc where there is no memory for it.
    bool start(work task);

    /// Wakes what the threads wait for, once a stop is requested (stop_signal::nudge).
    void wake_all();

    /// Waits until all have ended. Once a stop is requested, wakes them again and again (stop_signal::nudge).
    /// Throws what the first of them has thrown.
    void join();

private:
    struct thread {
        worker_threads& group;
        work task;
        int number = 0;
        pthread_t handle{};
        std::list<thread>::iterator self{};
    };

    static void* run(void* begun);
    void nudge_all();
    void wait_for_all();
    void wait_for_one(std::unique_lock<std::mutex>& lock);
    void join_ended(std::size_t may_stay);

    pthread_attr_t attributes_;
    std::mutex mutex_; // guards all below
    std::condition_variable one_ended_;
    slot_numbers numbers_;
    std::list<thread> running_;
    std::list<thread> ended_;
    std::exception_ptr failure_;
    once_a_second complain_;
};

} // namespace parley
