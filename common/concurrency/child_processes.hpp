// Child processes of a server (fork(2)). Each has a number, is reaped soon after it exits, and does not outlive
// its parent (PR_SET_PDEATHSIG). A child runs one function and then calls _exit(2), so it never returns into
// the parent's code.
#pragma once

#include "common/concurrency/shared_memory.hpp"
#include "common/concurrency/slot_numbers.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <sys/types.h>

namespace parley {

class child_processes {
public:
    /// Allows at most `limit` children at a time, numbered from 1. Blocks SIGCHLD. The calling process must
    /// have no other thread: fork(2) would copy a lock that it holds, which is never released in the child.
    /// Throws std::system_error if the table of children cannot be allocated.
    explicit child_processes(int limit);
    child_processes(const child_processes&) = delete;
    child_processes& operator=(const child_processes&) = delete;

    /// Stops and reaps all remaining children.
    ~child_processes();

    /// Forks a child that calls `work(number)` and exits. Returns false if fork(2) fails (errno is EAGAIN or
    /// ENOMEM): reap, since zombies count towards the limit of processes, and try again later. Only if not
    /// is_full().
    [[nodiscard]] bool start(const std::function<void(int)>& work);

    /// Registers a child that `spawn(number)` creates. `spawn` returns the pid, or -1 with errno.
    [[nodiscard]] bool start_with(const std::function<pid_t(int)>& spawn);

    struct exited_child {
        int number;
        pid_t process;
        int status; // as wait(2) returns it
        std::chrono::milliseconds lifetime;

        [[nodiscard]] bool succeeded() const { return status == 0; }
    };

    /// Reaps a child that has exited, and frees its number. Returns nullopt if there is none. Does not wait.
    std::optional<exited_child> reap();

    /// Returns a descriptor that is readable if a child may have exited (signalfd(2)). Then call reap() until
    /// it returns nullopt.
    [[nodiscard]] int descriptor() const { return signalfd_.get(); }

    [[nodiscard]] bool is_full() const { return !numbers_.has_free(); }
    [[nodiscard]] int count() const { return numbers_.taken(); }

    [[nodiscard]] bool is_running(int number) const {
        return children_[static_cast<std::size_t>(number)].process != 0;
    }

    /// Sends SIGTERM to a child, which finishes its current work and exits.
    void terminate(int number);

    /// Sends SIGTERM to all children, and SIGKILL to those that still run one second after the grace period.
    /// Reaps all.
    void stop();

private:
    struct child {
        pid_t process; // 0: the number is free
        std::chrono::steady_clock::duration started;
    };

    child& child_at(int number) { return children_[static_cast<std::size_t>(number)]; }
    void signal_all(int signal);
    [[noreturn]] void run_child(int number, pid_t parent, const std::function<void(int)>& work);

    slot_numbers numbers_;
    // By number. Kept in shared memory although only the parent uses it: after fork(2), each page of ordinary
    // memory that the parent writes to is copied (copy-on-write).
    shared_memory<child> children_;
    unique_fd signalfd_;
    bool may_have_exited_ =
        false; // SIGCHLD was read, and waitpid(2) has not yet reported that no zombie is left
};

} // namespace parley
