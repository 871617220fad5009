#include "common/concurrency/child_processes.hpp"

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <csignal>
#include <initializer_list>
#include <new>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int each : signals) sigaddset(&set, each);
    return set;
}

sigset_t stops() { return set_of({SIGTERM, SIGINT}); }

} // namespace

child_processes::child_processes(int limit)
    : numbers_{limit}, children_{"parley-children", static_cast<std::size_t>(limit) + 1} {
    children_.exclude_from_fork();
    const auto child_ended = set_of({SIGCHLD});
    sigprocmask(SIG_BLOCK, &child_ended, nullptr);
    ends_ =
        unique_fd{check("signalfd", [&] { return signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK); })};
}

child_processes::~child_processes() {
    if (count() != 0) stop_signal::request();
    stop();
}

bool child_processes::start(const std::function<void(int)>& work) {
    const auto spawn = [&, parent = getpid()](int number) {
        // Until the child is one, a stop would act in it as in its parent: it is told of it a moment later.
        sigset_t before;
        const auto later = stops();
        sigprocmask(SIG_BLOCK, &later, &before);
        const pid_t process = fork();
        if (process == 0) be_child(number, parent, work);
        const int error = errno;
        sigprocmask(SIG_SETMASK, &before, nullptr);
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
        numbers_.give_back(number); // does not touch errno
        return false;
    }
    of(number) = {process, steady_clock::now().time_since_epoch()};
    return true;
}

void child_processes::be_child(int number, pid_t parent, const std::function<void(int)>& work) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0); // it died before it could have been noticed
    stop_signal::become_child();
    ends_.reset();
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
    if (!may_have_ended_) {
        signalfd_siginfo signal; // at most one is pending: it may stand for several children (signal(7))
        may_have_ended_ = read(ends_.get(), &signal, sizeof signal) > 0;
    }
    while (may_have_ended_) {
        int status = 0;
        const pid_t process = waitpid(-1, &status, WNOHANG);
        if (process <= 0) break;
        for (int number = 1; number <= numbers_.highest(); ++number) {
            auto& found = of(number);
            if (found.process != process) continue;
            found.process = 0;
            numbers_.give_back(number);
            const auto lived = steady_clock::now().time_since_epoch() - found.born;
            return exited_child{number, process, status, std::chrono::floor<milliseconds>(lived)};
        }
    }
    may_have_ended_ = false;
    return std::nullopt;
}

void child_processes::terminate(int number) {
    if (const auto process = of(number).process) kill(process, SIGTERM);
}

void child_processes::signal_all(int signal) {
    for (int number = 1; number <= numbers_.highest(); ++number)
        if (const auto process = of(number).process) kill(process, signal);
}

void child_processes::stop() {
    signal_all(SIGTERM);
    std::optional<steady_clock::time_point> timed_out;
    while (count() != 0) {
        pollfd ends{.fd = ends_.get(), .events = POLLIN, .revents = 0};
        poll(&ends, 1, 20);
        while (reap()) {
        }
        if (!stop_signal::is_grace_over()) continue;
        if (!timed_out) timed_out = steady_clock::now() + std::chrono::seconds{1};
        if (steady_clock::now() < *timed_out) continue;
        log::warn("{} workers did not end within the grace: killed", count());
        signal_all(SIGKILL);
        timed_out = steady_clock::time_point::max();
    }
}

} // namespace parley
