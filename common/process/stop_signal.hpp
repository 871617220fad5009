// SIGTERM, SIGINT and SIGHUP ask a server to stop: it closes its doors, finishes the replies in flight, gives
// idle conversations the end of their input, and leaves when all have ended, or when the grace is over.
//
// How a wait learns of it: from the first signal on, a timer interrupts the main thread every few
// milliseconds, so that a call which waits (accept, recv, nanosleep) fails with EINTR however unluckily it
// raced with the signal; worker_threads nudges its threads the same way. An event loop polls descriptor().
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace parley::stop_signal {

/// What makes a blocked call of another thread fail with EINTR (pthread_kill(3)), and does nothing else.
inline constexpr int wake_signal = SIGUSR1;
inline constexpr std::chrono::milliseconds wake_interval{20};

/// A conversation from which nothing came for this long is idle when a stop is requested.
inline constexpr std::chrono::milliseconds idle_after_stop{100};

/// Takes over SIGTERM, SIGINT and the signals used here, and SIGHUP unless it is ignored, as nohup(1) does.
/// SIGPIPE is ignored from now on, and none is blocked. Once per process, before the first thread. A second
/// request ends the process at once.
void install(std::chrono::milliseconds grace);

/// While this lives: when a stop is requested of this process, and not of a child, the moment is stored there,
/// in ms of CLOCK_MONOTONIC: somebody else may be watching. A signal may come at any time, also when that place
/// is about to go.
class record_stop_time {
public:
    explicit record_stop_time(std::atomic<std::int64_t>& moment);
    ~record_stop_time();
    record_stop_time(record_stop_time&&) = delete;
};

/// While this lives: from a stop of this process on, the signal handler calls `work(context)`, at once and then
/// every wake_interval. Not in children, and not in a process that has other threads. Only what
/// signal-safety(7) allows. One at a time.
class repeated_work {
public:
    using function = void (*)(void* context);
    repeated_work(function work, void* context);
    ~repeated_work();
    repeated_work(repeated_work&&) = delete;
};

/// Requests a stop as the first signal does: for a server that cannot go on.
void request();

/// Has a stop been requested?
bool is_requested();

/// Has it been requested longer than the grace ago?
bool is_grace_over();

/// Is readable once a stop has been requested (poll(2)); stays so. Belongs to this module.
int descriptor();

/// As soon as a stop is requested, sends `text` to `socket` (send(2)), unless that would have to wait. Not from
/// children. Both must stay valid until hush().
void notify_on_stop(int socket, const char* text);
void cancel_notice();

/// In a child, after fork(2): waits of its own, SIGINT and SIGHUP left to the parent, a repeated SIGTERM
/// harmless.
void become_child();

/// No more timer signals: there is nothing left that waits.
void disarm();

/// Waits until one of `descriptors` (negative ones are passed over) is readable, or `limit` is over, where
/// there is one. False: a stop has been requested.
bool wait_readable(std::initializer_list<int> descriptors,
                   std::optional<std::chrono::milliseconds> limit = std::nullopt);

/// Waits until a stop is requested.
inline void wait() {
    while (wait_readable({})) {
    }
}

/// Sleeps until `time` is over or a signal comes.
void interruptible_sleep(std::chrono::milliseconds time);

/// Sleeps. False: a stop was requested before the time was over.
bool sleep(std::chrono::milliseconds time);

} // namespace parley::stop_signal
