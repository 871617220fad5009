// fork(2), reaping and termination of child processes. SIGCHLD is read from a signalfd(2), so that no handler
// runs.
#include "common/concurrency/child_processes.hpp"
#include "common/check.hpp"
#include "common/log.hpp"
#include "common/process/exit_with_parent.hpp"
#include "common/process/stop_signal.hpp"

#include <csignal>
#include <initializer_list>
#include <new>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    return set;
}

/// After the grace period workers get this long to exit by themselves before they are killed. They are leaving
/// already; a second covers the scheduling delays of a busy machine.
constexpr std::chrono::seconds kill_delay{1};

} // namespace

child_processes::child_processes(int limit)
    : numbers_{limit}, children_{"parley-children", static_cast<std::size_t>(limit) + 1} {
    children_.exclude_from_fork();
    const auto blocked = set_of({SIGCHLD});
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    signalfd_ =
        unique_fd{check("signalfd", [&] { return signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK); })};
}

child_processes::~child_processes() {
    if (count() != 0) stop_signal::request();
    stop();
}

bool child_processes::start(const std::function<void(int)>& work) {
    const auto spawn = [&, parent = getpid()](int number) {
        // Until run_child() has called become_child(), a stop signal would act in the child as it does in the
        // parent. So it is blocked across fork(2), and delivered a moment later.
        sigset_t old_mask;
        const auto stop_signals = set_of({SIGTERM, SIGINT});
        sigprocmask(SIG_BLOCK, &stop_signals, &old_mask);
        const pid_t process = fork();
        if (process == 0) run_child(number, parent, work);
        const int error = errno;
        sigprocmask(SIG_SETMASK, &old_mask, nullptr);
        errno = error;
        return process;
    };
    return start_with(std::ref(spawn));
}

bool child_processes::start_with(const std::function<pid_t(int)>& spawn) {
    const int number = numbers_.take();
    pid_t process = -1;
    try {
        process = spawn(number);
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
    }
    if (process <= 0) {
        numbers_.release(number); // does not change errno
        return false;
    }
    child_at(number) = {process, steady_clock::now().time_since_epoch()};
    return true;
}

void child_processes::run_child(int number, pid_t parent, const std::function<void(int)>& work) {
    exit_with_parent(parent);
    stop_signal::become_child();
    signalfd_.reset();
    const auto blocked = set_of({SIGCHLD, SIGTERM, SIGINT});
    sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
    int status = 0;
    try { // an exception must not unwind into the parent's frames
        work(number);
    } catch (const std::exception& error) {
        log::error("worker {}: {}", number, error.what());
        status = 1;
    }
    _exit(status);
}

std::optional<child_processes::exited_child> child_processes::reap() {
    if (!may_have_exited_) {
        signalfd_siginfo
            signal; // at most one SIGCHLD is pending, even if several children have exited (signal(7))
        may_have_exited_ = read(signalfd_.get(), &signal, sizeof signal) > 0;
    }
    while (may_have_exited_) {
        int status = 0;
        const pid_t process = waitpid(-1, &status, WNOHANG);
        if (process <= 0) break;
        for (int number = 1; number <= numbers_.highest(); ++number) {
            auto& entry = child_at(number);
            if (entry.process != process) continue;
            entry.process = 0;
            numbers_.release(number);
            const auto lifetime = steady_clock::now().time_since_epoch() - entry.started;
            return exited_child{number, process, status, std::chrono::floor<milliseconds>(lifetime)};
        }
    }
    may_have_exited_ = false;
    return std::nullopt;
}

void child_processes::terminate(int number) {
    if (const auto process = child_at(number).process) kill(process, SIGTERM);
}

void child_processes::signal_all(int signal) {
    for (int number = 1; number <= numbers_.highest(); ++number)
        if (const auto process = child_at(number).process) kill(process, signal);
}

void child_processes::stop() {
    signal_all(SIGTERM);
    std::optional<steady_clock::time_point> kill_time;
    while (count() != 0) {
        pollfd exits{.fd = signalfd_.get(), .events = POLLIN, .revents = 0};
        poll(&exits, 1, 20);
        while (reap()) {
        }
        if (!stop_signal::is_grace_over()) continue;
        if (!kill_time) kill_time = steady_clock::now() + kill_delay;
        if (steady_clock::now() < *kill_time) continue;
        log::warn("{} workers did not end within the grace period: killed", count());
        signal_all(SIGKILL);
        kill_time = steady_clock::time_point::max();
    }
}

} // namespace parley
