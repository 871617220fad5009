// A program that runs beside us: started with a pipe to its output, in a process group of its own, and gone
// with all of its group when the object goes. The tests and parley-compare run their servers in it.
#pragma once

#include "common/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace parley {

/// How a process ended, and what it used (wait4(2)).
struct process_end {
    int status = 0; // as wait(2) tells it
    rusage used{};  // of the process and of all the children that it waited for

    [[nodiscard]] std::optional<int> exit_code() const;
    [[nodiscard]] std::string to_string() const; // "exit code 1", "killed by SIGTERM"
};

class subprocess {
public:
    enum class errors {
        shown,   // its standard error is ours
        dropped, // goes to /dev/null
        kept     // for error_output()
    };

    /// Starts `command` (its name is looked up in PATH, execvp(3)). Its standard input is `input`, which stays
    /// the caller's, or /dev/null. Of ours that are close-on-exec it gets no other descriptors than `lent`. It
    /// is killed when the calling thread ends (PR_SET_PDEATHSIG), so that not even a crash of ours leaves it
    /// behind. Throws std::system_error where it cannot be started.
    explicit subprocess(std::vector<std::string> command, errors where = errors::shown, int input = -1,
                        std::span<const int> lent = {});

    /// Kills what is left of its process group.
    ~subprocess();
    subprocess(subprocess&&) = delete;

    /// Also the number of its process group.
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string_view name() const { return command_.front(); }

    /// The next line of its standard output, without the newline.
    /// Throws std::runtime_error when none comes within `limit`, or when the output ends first.
    std::string read_line(std::chrono::milliseconds limit);

    /// What it has written to standard output and read_line() has not taken. All, once wait() told the end.
    std::string rest_of_output();

    /// Drops what it has written to standard output, and will write.
    void drop_output();

    /// What it has written to standard error so far, if that is kept: of a long text only the beginning.
    [[nodiscard]] std::string error_output() const;

    /// The first line of that: mostly the reason of what comes after it.
    [[nodiscard]] std::string first_error() const;

    /// Sends a signal to the process alone (kill(2)); nothing happens once it has ended.
    void signal(int number) const;

    /// Sends a signal to all processes of its group; nothing happens once the process has ended.
    void signal_group(int number) const;

    /// Waits until it ends, and reads its output meanwhile so that it cannot block on a full pipe. Nothing:
    /// it still runs after `limit`. Tells the same again once it has ended. Meanwhile also reads the output of
    /// `other`, which must not block either.
    std::optional<process_end> wait(std::chrono::milliseconds limit, subprocess* other = nullptr);

    /// Was anything of its process group still there when it had ended? To be asked after wait() told the end.
    [[nodiscard]] bool left_processes() const { return group_left_; }

private:
    using time_point = std::chrono::steady_clock::time_point;

    /// Waits for more output or for the end of the process.
    void wait_for_news(time_point deadline, subprocess* other = nullptr);
    void read_output();
    void limit_errors() const;
    [[nodiscard]] bool is_still_known() const;
    void reap();

    std::vector<std::string> command_;
    pid_t pid_ = -1;
    unique_fd end_;    // readable when the process has ended (pidfd_open(2))
    unique_fd output_; // the pipe; closed when the output has ended
    unique_fd kept_errors_;
    std::string unread_;
    bool drops_output_ = false;
    std::optional<process_end> ended_;
    bool group_left_ = true;
};

} // namespace parley
