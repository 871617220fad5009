#include "common/concurrency/worker_threads.hpp"

#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <csignal>
#include <cstring>
#include <utility>

namespace parley {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_size = 1024 * 1024; // sanitizers pad every variable
#else
constexpr std::size_t stack_size = 128 * 1024;
#endif

/// Signals are the main thread's business; a worker hears the nudge only.
sigset_t all_but_nudge() {
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, stop_signal::wake_signal);
    return set;
}

/// Threads that have ended and may wait to be joined: few, since each keeps its stack.
constexpr std::size_t most_unjoined = 4;

} // namespace

worker_threads::worker_threads(int limit) : numbers_{limit} {
    const auto blocked = all_but_nudge();
    pthread_attr_init(&attributes_);
    pthread_attr_setstacksize(&attributes_, stack_size);
    pthread_attr_setsigmask_np(&attributes_, &blocked);
}

worker_threads::~worker_threads() {
    if (!running_.empty()) stop_signal::request();
    wait_for_all();
    pthread_attr_destroy(&attributes_);
}

bool worker_threads::wait_for_room() {
    std::unique_lock lock{mutex_};
    join_ended(most_unjoined);
    while (!numbers_.has_free() && !stop_signal::is_grace_over()) {
        wait_for_one(lock);
        join_ended(most_unjoined);
    }
    return !stop_signal::is_grace_over();
}

void worker_threads::wake_all() {
    const std::lock_guard lock{mutex_};
    nudge_all();
}

void worker_threads::nudge_all() {
    if (stop_signal::is_requested())
        for (const auto& each : running_) pthread_kill(each.handle, stop_signal::wake_signal);
}

/// Or for a moment. Threads that wait shall hear of a stop.
void worker_threads::wait_for_one(std::unique_lock<std::mutex>& lock) {
    nudge_all();
    one_ended_.wait_for(lock, stop_signal::wake_interval);
}

bool worker_threads::start(work task) {
    std::list<thread> fresh; // where there is no memory for it, nothing has happened
    fresh.push_front({*this, std::move(task)});
    std::unique_lock lock{mutex_}; // held while the thread begins, so that it cannot end before it has a handle
    fresh.front().number = numbers_.take();
    running_.splice(running_.begin(), fresh);
    const auto begun = running_.begin();
    begun->self = begun;
    while (const int error = pthread_create(&begun->handle, &attributes_, run, &*begun)) {
        if (complain_())
            log::warn("pthread_create: {}; clients wait until there is a thread", std::strerror(error));
        lock.unlock();
        const bool resume = stop_signal::sleep(std::chrono::milliseconds{50});
        lock.lock();
        if (resume) continue;
        numbers_.give_back(begun->number);
        running_.pop_front();
        return false;
    }
    return true;
}

void* worker_threads::run(void* begun) {
    auto& own = *static_cast<thread*>(begun);
    std::exception_ptr failure;
    try {
        own.task(own.number);
    } catch (...) { // a thread has no caller to throw to
        failure = std::current_exception();
        stop_signal::request();
    }
    auto& group = own.group;
    const std::lock_guard lock{group.mutex_};
    if (!group.failure_) group.failure_ = std::move(failure);
    group.numbers_.give_back(own.number);
    group.ended_.splice(group.ended_.begin(), group.running_, own.self);
    group.one_ended_.notify_one();
    return nullptr;
}

/// Those that have just ended may still be on their way out: to wait for each would cost a system call.
void worker_threads::join_ended(std::size_t may_stay) {
    for (; ended_.size() > may_stay; ended_.pop_back()) pthread_join(ended_.back().handle, nullptr);
    while (!ended_.empty() && pthread_tryjoin_np(ended_.back().handle, nullptr) == 0) ended_.pop_back();
}

void worker_threads::join() {
    wait_for_all();
    if (failure_) std::rethrow_exception(std::exchange(failure_, {}));
}

void worker_threads::wait_for_all() {
    std::unique_lock lock{mutex_};
    while (!running_.empty()) wait_for_one(lock);
    join_ended(0);
}

} // namespace parley
