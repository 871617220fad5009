// Threads with a small stack, a limit, and a way to interrupt all of them.
#include "common/concurrency/worker_threads.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <csignal>
#include <cstring>
#include <utility>

namespace parley {

namespace {

// The default of 8 MiB is only address space, but mapping and unmapping it dominates the cost of a short-lived
// thread. A worker needs a 16 KiB read_buffer and a few shallow calls; 128 KiB leaves room for the libraries.
// Sanitizers pad every variable.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_size = 1024 * 1024;
#else
constexpr std::size_t stack_size = 128 * 1024;
#endif

/// Returns the signals that workers block. The main thread handles all signals except wake_signal.
sigset_t blocked_signals() {
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, stop_signal::wake_signal);
    return set;
}

/// How many exited threads may wait to be joined. Each keeps its stack, so only a few.
constexpr std::size_t max_unjoined = 4;

/// How long to wait if the system has no thread left. As long as listener::accept_backoff, and for the same
/// reason.
constexpr std::chrono::milliseconds start_backoff{50};

} // namespace

worker_threads::worker_threads(int limit) : numbers_{limit} {
    const auto blocked = blocked_signals();
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
    join_exited(max_unjoined);
    while (!numbers_.has_free() && !stop_signal::is_grace_over()) {
        wait_for_exit(lock);
        join_exited(max_unjoined);
    }
    return !stop_signal::is_grace_over();
}

void worker_threads::wake_all() {
    const std::lock_guard lock{mutex_};
    wake_running();
}

/// Interrupts the blocked calls of all threads once a stop is requested. Needs the lock.
void worker_threads::wake_running() {
    if (stop_signal::is_requested())
        for (const auto& worker : running_) pthread_kill(worker.handle, stop_signal::wake_signal);
}

/// Waits until a thread exits, but at most wake_interval, since the threads must be interrupted again and
/// again: a signal that arrives just before a call blocks has no effect.
void worker_threads::wait_for_exit(std::unique_lock<std::mutex>& lock) {
    wake_running();
    thread_exited_.wait_for(lock, stop_signal::wake_interval);
}

bool worker_threads::start(work task) {
    std::list<thread> entry; // allocated before anything else changes, so that std::bad_alloc leaves no trace
    entry.push_front({*this, std::move(task)});
    std::unique_lock lock{
        mutex_}; // held until pthread_create has stored the handle: the thread cannot exit before
    entry.front().number = numbers_.take();
    running_.splice(running_.begin(), entry);
    const auto worker = running_.begin();
    worker->self = worker;
    while (const int error = pthread_create(&worker->handle, &attributes_, run, &*worker)) {
        if (may_log_())
            log::warn("pthread_create: {}; clients wait until there is a thread", std::strerror(error));
        lock.unlock();
        const bool is_retry = stop_signal::sleep(start_backoff);
        lock.lock();
        if (is_retry) continue;
        numbers_.release(worker->number);
        running_.pop_front();
        return false;
    }
    return true;
}

void* worker_threads::run(void* argument) {
    auto& self = *static_cast<thread*>(argument);
    std::exception_ptr failure;
    try {
        self.task(self.number);
    } catch (...) { // rethrown by join()
        failure = std::current_exception();
        stop_signal::request();
    }
    auto& group = self.group;
    const std::lock_guard lock{group.mutex_};
    if (!group.failure_) group.failure_ = std::move(failure);
    group.numbers_.release(self.number);
    group.exited_.splice(group.exited_.begin(), group.running_, self.self);
    group.thread_exited_.notify_one();
    return nullptr;
}

/// Joins exited threads until at most `may_remain` are left. A thread that is in the list may not have exited
/// completely; waiting for each would cost a system call, so the youngest ones may remain.
void worker_threads::join_exited(std::size_t may_remain) {
    for (; exited_.size() > may_remain; exited_.pop_back()) pthread_join(exited_.back().handle, nullptr);
    while (!exited_.empty() && pthread_tryjoin_np(exited_.back().handle, nullptr) == 0) exited_.pop_back();
}

void worker_threads::join() {
    wait_for_all();
    if (failure_) std::rethrow_exception(std::exchange(failure_, {}));
}

void worker_threads::wait_for_all() {
    std::unique_lock lock{mutex_};
    while (!running_.empty()) wait_for_exit(lock);
    join_exited(0);
}

} // namespace parley
