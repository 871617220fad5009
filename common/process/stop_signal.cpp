// Signal actions have no argument to carry state (sigaction(2)), so this file alone has variables of its own.
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

// ThreadSanitizer notes a signal and calls the handler later: if no call of ours ends by itself, never. So
// there the timer runs all the time. And it makes its notebook at a thread's first wait, or at its first
// signal: if that comes in the middle of the wait's making, there are two notebooks, and what is in the one is
// lost.
#if defined(__SANITIZE_THREAD__)
constexpr bool signals_are_noted = true;
#else
constexpr bool signals_are_noted = false;
#endif

// A handler may touch lock-free atomics only (signal-safety(7)).
std::atomic<bool> stopping{false};
std::atomic<bool> is_child{false};
std::atomic<int> event{-1};
std::atomic<int> audience{-1};
std::atomic<const char*> announcement{nullptr};
std::atomic<std::atomic<std::int64_t>*> watched_moment{nullptr};
std::atomic<repeated_work::function> work_at_stop{nullptr};
std::atomic<void*> context_of_work{nullptr};
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

void tell(int socket) {
    if (socket >= 0) send(socket, announcement, std::strlen(announcement), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void do_work() {
    if (const auto work = work_at_stop.load()) work(context_of_work);
}

void on_stop(int signal) {
    const int interrupted = errno;
    if (!stopping.exchange(true)) {
        const auto now = steady_clock::now();
        deadline = now.time_since_epoch().count() + grace;
        if (auto* const moment = watched_moment.load()) *moment = in_milliseconds(now);
        signal_eventfd(event);
        tell(audience);
        do_work();
        repeat_timer(wake_interval);
    } else if (!is_child) {
        _exit(128 + signal);
    }
    errno = interrupted;
}

void on_timer(int) {
    const int interrupted = errno;
    if (is_requested()) do_work();
    errno = interrupted;
}

void on_nudge(int) {}

void act(int signal, void (*action)(int)) {
    struct sigaction wanted {};
    wanted.sa_handler = action; // no SA_RESTART: being interrupted is the point
    sigemptyset(&wanted.sa_mask);
    check("sigaction", [&] { return sigaction(signal, &wanted, nullptr); });
}

} // namespace

void install(std::chrono::milliseconds allowed) {
    grace = steady_clock::duration{allowed}.count();
    if (signals_are_noted) interruptible_sleep(std::chrono::milliseconds{1});
    sigset_t none; // whoever started us may have blocked some
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    struct sigaction hang_up {};
    check("sigaction", [&] { return sigaction(SIGHUP, nullptr, &hang_up); });
    if (hang_up.sa_handler != SIG_IGN) act(SIGHUP, on_stop); // nohup(1) ignores it: then the terminal may go
    act(SIGPIPE, SIG_IGN);
    act(SIGCHLD, SIG_DFL); // ignored by our parent, it would take our children's ends from us (wait(2))
    act(SIGALRM, on_timer);
    act(wake_signal, on_nudge);
    act(SIGTERM, on_stop);
    act(SIGINT, on_stop);
    if (signals_are_noted) repeat_timer(wake_interval);
}

record_stop_time::record_stop_time(std::atomic<std::int64_t>& moment) { watched_moment = &moment; }

record_stop_time::~record_stop_time() { watched_moment = nullptr; }

repeated_work::repeated_work(function work, void* context) {
    context_of_work = context;
    work_at_stop = work;
    if (is_requested()) do_work();
}

repeated_work::~repeated_work() { work_at_stop = nullptr; }

void request() {
    if (!is_requested()) on_stop(SIGTERM);
}

bool is_requested() { return stopping.load(std::memory_order_relaxed); }

bool is_grace_over() { return is_requested() && steady_clock::now().time_since_epoch().count() >= deadline; }

int descriptor() {
    if (const int made = event; made >= 0) return made;
    const int made = check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
    int none = -1;
    if (!event.compare_exchange_strong(none, made)) { // another thread was faster
        ::close(made);
        return none;
    }
    if (is_requested()) signal_eventfd(made);
    return made;
}

void notify_on_stop(int socket, const char* text) {
    announcement = text;
    audience = socket;
    if (is_requested()) tell(socket);
}

void cancel_notice() { audience = -1; }

void become_child() {
    is_child = true;
    cancel_notice();
    watched_moment = nullptr;
    work_at_stop = nullptr;
    // A terminal's Ctrl-C, and its end, reach parent and child; the parent passes them on.
    act(SIGINT, SIG_IGN);
    act(SIGHUP, SIG_IGN);
    if (const int parents = event.exchange(-1); parents >= 0) ::close(parents);
    if (is_requested() || signals_are_noted) repeat_timer(wake_interval); // timers are not inherited (fork(2))
}

void disarm() { repeat_timer(std::chrono::microseconds{0}); }

bool wait_readable(std::initializer_list<int> descriptors, std::optional<std::chrono::milliseconds> limit) {
    constexpr std::size_t most = 8;
    pollfd watched[most] = {{.fd = descriptor(), .events = POLLIN, .revents = 0}};
    nfds_t count = 1;
    for (const int each : descriptors) watched[count++] = {.fd = each, .events = POLLIN, .revents = 0};
    if (poll(watched, count, limit ? static_cast<int>(limit->count()) : -1) < 0 && errno != EINTR)
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
