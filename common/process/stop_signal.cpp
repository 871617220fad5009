// Signal handlers of a server. A handler gets no argument that could carry state (sigaction(2)), so this is the
// only file with global variables. A handler may run between any two instructions: it uses lock-free atomics
// and async-signal-safe functions only (signal-safety(7)).
#include "common/process/stop_signal.hpp"

#include "common/check.hpp"
#include "common/clock.hpp"

#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace parley::stop_signal {

namespace {

using std::chrono::steady_clock;

// ThreadSanitizer defers signals: it records a signal and calls the handler when the next intercepted call
// returns. If every thread blocks, no call returns and the handler never runs. So under ThreadSanitizer the
// timer runs all the time.
//
// It also creates its per-thread signal record lazily, at the thread's first blocking call or first signal. If
// that signal arrives while the blocking call creates the record, there are two records and one of them is
// lost. So install() makes a blocking call first.
#if defined(__SANITIZE_THREAD__)
constexpr bool signals_are_deferred = true;
#else
constexpr bool signals_are_deferred = false;
#endif

std::atomic<bool> stopping{false};
std::atomic<bool> is_child{false};
std::atomic<int> event{-1};
std::atomic<int> notice_socket{-1};
std::atomic<const char*> notice_text{nullptr};
std::atomic<std::atomic<std::int64_t>*> stop_time{nullptr};
std::atomic<repeated_work::function> stop_work{nullptr};
std::atomic<void*> stop_work_context{nullptr};
std::atomic<steady_clock::rep> grace{0};
std::atomic<steady_clock::rep> deadline{steady_clock::time_point::max().time_since_epoch().count()};
static_assert(std::atomic<steady_clock::rep>::is_always_lock_free);

void repeat_timer(std::chrono::microseconds interval) {
    const timeval every{.tv_sec = 0, .tv_usec = interval.count()};
    const itimerval timer{.it_interval = every, .it_value = every};
    setitimer(ITIMER_REAL, &timer, nullptr);
}

void signal_eventfd(int descriptor) {
    const std::uint64_t one = 1;
    if (descriptor >= 0) [[maybe_unused]]
        const auto written = write(descriptor, &one, sizeof one);
}

void send_notice(int socket) {
    if (socket >= 0) send(socket, notice_text, std::strlen(notice_text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void do_stop_work() {
    if (const auto work = stop_work.load()) work(stop_work_context);
}

// Each handler restores errno, which belongs to the interrupted code.

void on_stop(int signal) {
    const int saved_errno = errno;
    if (!stopping.exchange(true)) {
        const auto now = steady_clock::now();
        deadline = now.time_since_epoch().count() + grace;
        if (auto* const time = stop_time.load()) *time = in_milliseconds(now);
        signal_eventfd(event);
        send_notice(notice_socket);
        do_stop_work();
        repeat_timer(wake_interval);
    } else if (!is_child) {
        _exit(128 + signal); // the exit status that a shell gives to a process killed by that signal
    }
    errno = saved_errno;
}

void on_timer(int) {
    const int saved_errno = errno;
    if (is_requested()) do_stop_work();
    errno = saved_errno;
}

void on_wake(int) {}

void set_handler(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler; // without SA_RESTART, so that a blocked call fails with EINTR
    sigemptyset(&action.sa_mask);
    check("sigaction", [&] { return sigaction(signal, &action, nullptr); });
}

} // namespace

void install(std::chrono::milliseconds allowed) {
    grace = steady_clock::duration{allowed}.count();
    if (signals_are_deferred) interruptible_sleep(std::chrono::milliseconds{1});
    sigset_t none; // the blocked signals are inherited from the parent process
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    struct sigaction hangup_action {};
    check("sigaction", [&] { return sigaction(SIGHUP, nullptr, &hangup_action); });
    if (hangup_action.sa_handler != SIG_IGN)
        set_handler(SIGHUP, on_stop); // nohup(1) ignores SIGHUP: then it stays so
    set_handler(SIGPIPE, SIG_IGN);
    set_handler(SIGCHLD, SIG_DFL); // if it stayed ignored, the kernel would reap our children itself (wait(2))
    set_handler(SIGALRM, on_timer);
    set_handler(wake_signal, on_wake);
    set_handler(SIGTERM, on_stop);
    set_handler(SIGINT, on_stop);
    if (signals_are_deferred) repeat_timer(wake_interval);
}

record_stop_time::record_stop_time(std::atomic<std::int64_t>& moment) { stop_time = &moment; }

record_stop_time::~record_stop_time() { stop_time = nullptr; }

repeated_work::repeated_work(function work, void* context) {
    stop_work_context = context;
    stop_work = work; // last: the handler reads the context only if there is work
    if (is_requested()) do_stop_work();
}

repeated_work::~repeated_work() { stop_work = nullptr; }

void request() {
    if (!is_requested()) on_stop(SIGTERM);
}

bool is_requested() { return stopping.load(std::memory_order_relaxed); }

bool is_grace_over() { return is_requested() && steady_clock::now().time_since_epoch().count() >= deadline; }

int descriptor() {
    if (const int existing = event; existing >= 0) return existing;
    const int created = check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
    int current = -1;
    if (!event.compare_exchange_strong(current, created)) { // another thread was faster
        ::close(created);
        return current;
    }
    if (is_requested()) signal_eventfd(created); // the signal may have come before the descriptor existed
    return created;
}

void notify_on_stop(int socket, const char* text) {
    notice_text = text;
    notice_socket = socket; // last: the handler reads the text only if there is a socket
    if (is_requested()) send_notice(socket);
}

void cancel_notice() { notice_socket = -1; }

void become_child() {
    is_child = true;
    cancel_notice();
    stop_time = nullptr;
    stop_work = nullptr;
    // A terminal sends SIGINT (Ctrl-C) and SIGHUP to all processes of the group. The child ignores them: its
    // parent sends it SIGTERM.
    set_handler(SIGINT, SIG_IGN);
    set_handler(SIGHUP, SIG_IGN);
    if (const int inherited = event.exchange(-1); inherited >= 0) ::close(inherited);
    if (is_requested() || signals_are_deferred)
        repeat_timer(wake_interval); // timers are not inherited (fork(2))
}

void disarm() { repeat_timer(std::chrono::microseconds{0}); }

bool wait_readable(std::initializer_list<int> descriptors, std::optional<std::chrono::milliseconds> limit) {
    constexpr std::size_t max_descriptors = 8; // this eventfd and at most seven others
    pollfd entries[max_descriptors] = {{.fd = stop_signal::descriptor(), .events = POLLIN, .revents = 0}};
    nfds_t count = 1;
    for (const int descriptor : descriptors)
        entries[count++] = {.fd = descriptor, .events = POLLIN, .revents = 0};
    if (poll(entries, count, limit ? static_cast<int>(limit->count()) : -1) < 0 && errno != EINTR)
        throw_errno("poll");
    return !is_requested();
}

void interruptible_sleep(std::chrono::milliseconds time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const timespec span{.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds{time - seconds}.count()};
    nanosleep(&span, nullptr);
}

bool sleep(std::chrono::milliseconds time) {
    const auto end = steady_clock::now() + time;
    while (!is_requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
        if (left.count() <= 0) return true;
        interruptible_sleep(left);
    }
    return false;
}

} // namespace parley::stop_signal
