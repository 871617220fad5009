// Forks a child that runs one function, and waits for it with poll(2) on a pidfd.
#include "common/multiprocessing/process.hpp"

#include "common/check.hpp"
#include "common/output.hpp"
#include "common/process/exit_with_parent.hpp"
#include "common/process/process_usage.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>

namespace parley {

namespace {

/// Writes what the buffers of standard output contain. Returns false if that fails.
bool flush_output() {
    std::cout.flush();
    return std::fflush(nullptr) == 0 && std::cout.good();
}

} // namespace

process::~process() {
    if (!is_mine() || end_) return;
    try {
        terminate();
        if (join(kill_delay)) return;
        kill();
        join();
    } catch (const std::exception&) { // another part of the program has reaped the child
    }
}

void process::start() {
    if (pidfd_) throw std::logic_error("process " + name_ + " has been started before");
    flush_output(); // or the child would write a copy of what is buffered
    parent_ = getpid();
    // The parent's handler for SIGTERM must not run in the child. So the signal is blocked across fork(2).
    sigset_t terminate_signal, old_mask;
    sigemptyset(&terminate_signal);
    sigaddset(&terminate_signal, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate_signal, &old_mask);
    pid_ = fork();
    if (pid_ == 0) {
        std::signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &terminate_signal, nullptr);
        run_child(parent_);
    }
    const int error = errno;
    sigprocmask(SIG_SETMASK, &old_mask, nullptr);
    if (pid_ == -1) throw std::system_error(error, std::generic_category(), "fork " + name_);
    try {
        pidfd_ = open_process(pid_);
    } catch (const std::system_error&) {
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        throw;
    }
}

void process::run_child(pid_t parent) noexcept {
    exit_with_parent(parent);
    int status = 1;
    try { // an exception must not unwind into the parent's frames
        status = work_();
    } catch (const std::exception& error) {
        print_message("process {}: {}\n", name_, error.what());
    } catch (...) {
        print_message("process {}: an exception that is no std::exception\n", name_);
    }
    if (!flush_output()) {
        print_message("process {}: cannot write standard output\n", name_);
        status = 1;
    }
    _exit(status); // not exit(3), which would run the destructors of the parent's static objects
}

bool process::is_mine() const { return pidfd_ && parent_ == getpid(); }

void process::join() { (void)wait(std::nullopt); }

bool process::join(std::chrono::milliseconds limit) { return wait(limit); }

bool process::is_running() { return pidfd_ && !wait(std::chrono::milliseconds{0}); }

bool process::wait(std::optional<std::chrono::milliseconds> limit) {
    using namespace std::chrono;
    if (!is_mine()) throw std::logic_error("process " + name_ + " has not been started by this process");
    if (end_) return true;
    const auto deadline = steady_clock::now() + limit.value_or(milliseconds{0});
    pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    // A signal interrupts poll(2). So the rest of the time is computed again.
    const auto poll_rest = [&] {
        if (!limit) return poll(&ended, 1, -1);
        const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
        return poll(&ended, 1, static_cast<int>(std::clamp<long>(left, 0, 1'000'000'000)));
    };
    if (check("poll", name_, poll_rest) == 0) return false;
    process_end end;
    check("wait4", name_, [&] { return wait4(pid_, &end.status, 0, &end.used); });
    end_ = end;
    return true;
}

void process::signal(int number) {
    if (is_mine() && !end_) ::kill(pid_, number); // not reaped yet, so the pid is still that of the child
}

} // namespace parley
