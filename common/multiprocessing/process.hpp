// A function that runs in a child process (fork(2)), as Python's multiprocessing.Process. The child has a copy
// of all the parent's memory, so it sees every variable and changes only its own.
#pragma once

#include "common/process/process_end.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <type_traits>
#include <utility>

namespace parley {

class process {
public:
    /// `work` is called in the child. If it returns an int, that is the exit code, otherwise 0. If it throws,
    /// the child writes "process NAME: WHAT" to standard error, and its exit code is 1.
    template <class Work>
    process(std::string name, Work work) : name_{std::move(name)} {
        if constexpr (std::is_same_v<std::invoke_result_t<Work&>, int>)
            work_ = std::move(work);
        else
            work_ = [work = std::move(work)]() mutable {
                work();
                return 0;
            };
    }

    process(process&& other) noexcept = default;
    process& operator=(process&&) = delete;

    /// Terminates the child if it still runs, kills it if it has not ended within kill_delay, and reaps it.
    ~process();

    /// Forks the child, which does not outlive the calling thread. The calling process must have no other
    /// thread: fork(2) would copy a lock that it holds, which is never released in the child. Throws
    /// std::logic_error if it has been started before, std::system_error if there is no child.
    void start();

    /// Waits until the child has ended. Throws std::logic_error unless it has been started by this process.
    void join();

    /// Waits at most for `limit`. Returns false if the child still runs.
    [[nodiscard]] bool join(std::chrono::milliseconds limit);

    /// True from start() until the child has ended.
    [[nodiscard]] bool is_running();

    /// Sends SIGTERM, which ends the child unless it has installed a handler: that of the parent is not
    /// inherited. Does nothing unless the child runs. Its end is known after join().
    void terminate() { signal(SIGTERM); }

    /// Sends SIGKILL, which no process can ignore.
    void kill() { signal(SIGKILL); }

    /// Returns the exit code or the signal of the child. Returns nullopt before join() or is_running() has seen
    /// its end.
    [[nodiscard]] const std::optional<process_end>& end() const { return end_; }

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Returns the pid of the child, or -1 before start().
    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Returns a descriptor that is readable once the child has ended (poll(2)), or -1 before start().
    [[nodiscard]] int descriptor() const { return pidfd_.get(); }

    /// Time from SIGTERM to SIGKILL in the destructor. A second covers the scheduling delays of a busy machine.
    static constexpr std::chrono::seconds kill_delay{1};

private:
    [[noreturn]] void run_child(pid_t parent) noexcept;
    [[nodiscard]] bool is_mine() const;
    [[nodiscard]] bool wait(std::optional<std::chrono::milliseconds> limit);
    void signal(int number);

    std::string name_;
    std::function<int()> work_;
    pid_t parent_ = -1;
    pid_t pid_ = -1;
    unique_fd pidfd_; // readable when the child has ended (pidfd_open(2)); empty before start()
    std::optional<process_end> end_;
};

} // namespace parley
