// Orderly shutdown of a server by SIGTERM, SIGINT or SIGHUP. The server closes its port and finishes the
// replies in flight; idle connections see the end of input. It exits when all connections have ended or the
// grace period is over.
//
// How a blocked call learns of the stop: the signal may arrive just before the call blocks, and would then be
// missed. So the first signal starts a timer (setitimer(2)) whose SIGALRM interrupts the main thread every
// wake_interval, and accept(2), recv(2) or nanosleep(2) fails with EINTR. worker_threads interrupts its threads
// in the same way, by wake_signal. An event loop polls descriptor() instead.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace parley::stop_signal {

/// Makes a blocked call of another thread fail with EINTR (pthread_kill(3)); the handler does nothing.
inline constexpr int wake_signal = SIGUSR1;

/// How often blocked calls are interrupted after a stop request. It bounds how late a call notices the stop; a
/// shorter interval costs CPU while a server stops.
inline constexpr std::chrono::milliseconds wake_interval{20};

/// After a stop request, a connection that sends nothing for this long counts as idle and is closed. A request
/// that is on its way through a network arrives within this time.
inline constexpr std::chrono::milliseconds idle_after_stop{100};

/// Installs the signal handlers: SIGTERM, SIGINT and wake_signal, and SIGHUP unless it is ignored, as by
/// nohup(1). Ignores SIGPIPE and unblocks all signals. Call it once per process, before the first thread
/// starts. After `grace` is_grace_over() is true. A second stop signal ends the process at once.
void install(std::chrono::milliseconds grace);

/// While alive, stores the time of the stop request (ms, CLOCK_MONOTONIC) in `moment`, which may be in shared
/// memory for other programs to read. Parent process only. The destructor makes it safe to free `moment`, since
/// a signal may arrive at any time.
class record_stop_time {
public:
    explicit record_stop_time(std::atomic<std::int64_t>& moment);
    ~record_stop_time();
    record_stop_time(record_stop_time&&) = delete;
};

/// While alive, calls `work(context)` from the signal handler: at the stop request, and then every
/// wake_interval. `work` may only do what signal-safety(7) allows. Only in a process without other threads, and
/// not in children. At most one object at a time.
class repeated_work {
public:
    using function = void (*)(void* context);
    repeated_work(function work, void* context);
    ~repeated_work();
    repeated_work(repeated_work&&) = delete;
};

/// Requests a stop as the first signal does, for a server that cannot continue.
void request();

/// True once a stop has been requested.
bool is_requested();

/// True once a stop was requested and the grace period has passed.
bool is_grace_over();

/// Returns an eventfd(2) that is readable from the stop request on. Do not close it.
int descriptor();

/// Sends `text` to `socket` from the signal handler as soon as a stop is requested, if send(2) does not block.
/// Parent process only. Keep both valid until cancel_notice().
void notify_on_stop(int socket, const char* text);
void cancel_notice();

/// Adapts the handlers in a child after fork(2): it gets its own timer and descriptor(), ignores SIGINT and
/// SIGHUP, which are for the parent, and survives repeated SIGTERMs.
void become_child();

/// Stops the timer. Call it when nothing blocks any more.
void disarm();

/// Waits until one of `descriptors` is readable or `limit` has passed; negative descriptors are ignored.
/// Returns false if a stop has been requested. At most seven descriptors. Throws std::system_error.
bool wait_readable(std::initializer_list<int> descriptors,
                   std::optional<std::chrono::milliseconds> limit = std::nullopt);

/// Waits until a stop is requested.
inline void wait() {
    while (wait_readable({})) {
    }
}

/// Sleeps for `time`, or until a signal arrives.
void interruptible_sleep(std::chrono::milliseconds time);

/// Sleeps for `time`. Returns false if a stop was requested before it was over.
bool sleep(std::chrono::milliseconds time);

} // namespace parley::stop_signal
