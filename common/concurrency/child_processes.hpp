// The processes that a server has forked: each has a number, is reaped as soon as it ends, and none outlives
// its parent. A child begins with a function and leaves with _exit(2): it never returns into its parent's code.
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
    /// At most `limit` at a time, numbered from 1. Blocks SIGCHLD for the calling process, which must have no
    /// other thread (fork(2) would copy its locks as they are).
    /// Throws std::system_error where there is no memory for the notes on them.
    explicit child_processes(int limit);
    child_processes(const child_processes&) = delete;
    child_processes& operator=(const child_processes&) = delete;

    /// Requests a stop if children are left, and stop()s them.
    ~child_processes();

    /// Forks once; the child calls `work(number)` and leaves. Returns false if there is no process now (errno
    /// is EAGAIN or ENOMEM, fork(2)): the caller tries again later, and reaps meanwhile, since the dead count,
    /// too. Only if not is_full().
    [[nodiscard]] bool start(const std::function<void(int)>& work);

    /// The same with a process that `spawn(number)` makes in its own way; it returns -1 with errno if there is
    /// none.
    [[nodiscard]] bool start_with(const std::function<pid_t(int)>& spawn);

    struct exited_child {
        int number;
        pid_t process;
        int status; // as wait(2) gives it
        std::chrono::milliseconds lived;

        [[nodiscard]] bool succeeded() const { return status == 0; }
    };
    /// A child that has ended, if there is one; does not wait. Its number is free again.
    std::optional<exited_child> reap();

    /// Readable when a child may have ended (signalfd(2)). Then reap() until nothing comes.
    [[nodiscard]] int descriptor() const { return ends_.get(); }

    [[nodiscard]] bool is_full() const { return !numbers_.has_free(); }
    [[nodiscard]] int count() const { return numbers_.taken(); }

    [[nodiscard]] bool is_running(int number) const {
        return children_[static_cast<std::size_t>(number)].process != 0;
    }

    /// SIGTERM to the one of that number: it finishes what it does, and ends.
    void terminate(int number);

    /// SIGTERM to all, and SIGKILL to those that are still there a second after the grace. Reaps all.
    void stop();

private:
    struct child {
        pid_t process; // 0: the number is free
        std::chrono::steady_clock::duration born;
    };

    child& of(int number) { return children_[static_cast<std::size_t>(number)]; }
    void signal_all(int signal);
    [[noreturn]] void be_child(int number, pid_t parent, const std::function<void(int)>& work);

    slot_numbers numbers_;
    // By number. Shared, though only the parent uses them: whatever else it wrote on would be a page more for
    // the next child, since fork(2) leaves the page as it was to those before.
    shared_memory<child> children_;
    unique_fd ends_;
    bool may_have_ended_ = false; // a signal has been read, and waitpid(2) has not said yet that there is none
};

} // namespace parley
