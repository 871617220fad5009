// A child process that runs another program: with a pipe from its standard output, and in its own process
// group, which is killed when the object is destroyed. The tests and parley-compare run their servers in it.
#pragma once

#include "common/process/process_end.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace parley {

class subprocess {
public:
    /// Where the standard error of the program goes.
    enum class errors {
        shown,   // to the standard error of this process
        dropped, // to /dev/null
        kept     // to memory, for error_output()
    };

    /// Starts `command`, whose first word is looked up in PATH (execvp(3)). Standard input is `input`, which
    /// the caller still owns, or /dev/null. Of the close-on-exec descriptors the program inherits only
    /// `inherited`. The program is killed when the calling thread ends (PR_SET_PDEATHSIG), so it does not
    /// outlive a crash of this process. Throws std::system_error if it cannot be started.
    explicit subprocess(std::vector<std::string> command, errors destination = errors::shown, int input = -1,
                        std::span<const int> inherited = {});

    /// Kills the rest of the process group.
    ~subprocess();
    subprocess(subprocess&&) = delete;

    /// Returns the pid, which is also the id of the process group.
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string_view name() const { return command_.front(); }

    /// Returns the next line of standard output without the newline. Throws std::runtime_error if there is none
    /// within `limit`, or if the output ends first.
    std::string read_line(std::chrono::milliseconds limit);

    /// Returns the standard output that read_line() has not returned. Complete once wait() has returned the
    /// end.
    std::string rest_of_output();

    /// Discards standard output, past and future.
    void drop_output();

    /// Returns the standard error so far, for errors::kept. A long text is cut to its beginning.
    [[nodiscard]] std::string error_output() const;

    /// Returns the first line of error_output(), which usually is the cause of the other lines.
    [[nodiscard]] std::string first_error() const;

    /// Sends a signal to the process alone (kill(2)). Does nothing once the process has ended.
    void signal(int number) const;

    /// Sends a signal to all processes of the group. Does nothing once the process has ended.
    void signal_group(int number) const;

    /// Waits until the process ends. Meanwhile reads its output, and that of `other`, so that neither blocks on
    /// a full pipe. Returns nullopt if the process still runs after `limit`. Returns the same end again once it
    /// has ended.
    std::optional<process_end> wait(std::chrono::milliseconds limit, subprocess* other = nullptr);

    /// True if other processes of the group still existed when the process had ended. Call it after wait() has
    /// returned the end.
    [[nodiscard]] bool left_processes() const { return has_group_left_; }

private:
    using time_point = std::chrono::steady_clock::time_point;

    /// Waits for more output or for the end of the process.
    void wait_for_event(time_point deadline, subprocess* other = nullptr);
    void read_output();
    void limit_errors() const;
    [[nodiscard]] bool is_unreaped() const;
    void reap();

    std::vector<std::string> command_;
    pid_t pid_ = -1;
    unique_fd pidfd_;  // readable when the process has ended (pidfd_open(2))
    unique_fd output_; // the pipe; closed at the end of the output
    unique_fd kept_errors_;
    std::string unread_;
    bool drops_output_ = false;
    std::optional<process_end> end_;
    bool has_group_left_ = true;
};

} // namespace parley
