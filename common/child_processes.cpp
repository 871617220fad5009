#include "common/child_processes.hpp"

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/stop_signal.hpp"

#include <csignal>
#include <cstring>
#include <initializer_list>
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

child_processes::child_processes(int limit) : numbers_{limit} {
    const auto child_ended = set_of({SIGCHLD});
    sigprocmask(SIG_BLOCK, &child_ended, nullptr);
    ends_ =
        unique_fd{check("signalfd", [&] { return signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK); })};
}

child_processes::~child_processes() {
    if (!children_.empty()) stop_signal::request();
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
    return start_by(std::ref(spawn));
}

bool child_processes::start_by(const std::function<pid_t(int)>& spawn) {
    const int number = numbers_.take();
    for (;;) {
        const pid_t process = spawn_noted(number, spawn);
        if (process > 0) return true;
        if (complain_()) log::warn("fork: {}; clients wait until there is a process", std::strerror(errno));
        if (!stop_signal::sleep(milliseconds{50})) break;
    }
    numbers_.give_back(number);
    return false;
}

/// A child that could not be noted would never be missed: so there is a place for it before it begins. -1 and
/// errno: it does not.
pid_t child_processes::spawn_noted(int number, const std::function<pid_t(int)>& spawn) {
    try {
        std::unordered_map<pid_t, child> place;
        place.emplace(0, child{number, steady_clock::now()});
        children_.reserve(children_.size() + 1);
        const pid_t process = spawn(number);
        if (process <= 0) return -1;
        auto note = place.extract(place.begin());
        note.key() = process;
        children_.insert(std::move(note));
        return process;
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
        return -1;
    }
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

std::optional<child_processes::ended> child_processes::reap() {
    signalfd_siginfo news;
    while (read(ends_.get(), &news, sizeof news) > 0) {
    } // one signal may stand for several children
    for (;;) {
        int status = 0;
        const pid_t process = waitpid(-1, &status, WNOHANG);
        if (process <= 0) return std::nullopt;
        const auto found = children_.find(process);
        if (found == children_.end()) continue;
        const auto [number, born] = found->second;
        children_.erase(found);
        numbers_.give_back(number);
        return ended{number, process, status, std::chrono::floor<milliseconds>(steady_clock::now() - born)};
    }
}

void child_processes::retire(int number) {
    for (const auto& [process, each] : children_)
        if (each.number == number) kill(process, SIGTERM);
}

void child_processes::stop() {
    for (const auto& [process, ignored] : children_) kill(process, SIGTERM);
    std::optional<steady_clock::time_point> overdue;
    while (!children_.empty()) {
        pollfd ends{.fd = ends_.get(), .events = POLLIN, .revents = 0};
        poll(&ends, 1, 20);
        while (reap()) {
        }
        if (!stop_signal::grace_over()) continue;
        if (!overdue) overdue = steady_clock::now() + std::chrono::seconds{1};
        if (steady_clock::now() < *overdue) continue;
        log::warn("{} workers did not end within the grace: killed", children_.size());
        for (const auto& [process, ignored] : children_) kill(process, SIGKILL);
        overdue = steady_clock::time_point::max();
    }
}

} // namespace parley
