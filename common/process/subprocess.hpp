// A child process that runs another program: with pipes to and from its standard streams, and in its own
// process group, which is killed when the object is destroyed. The tests and parley-compare run their servers
// in it. commands.hpp has functions for programs that end by themselves.
#pragma once

#include "common/process/process_end.hpp"
#include "common/process/redirection.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace parley {

/// What a program wrote to its pipes.
struct program_output {
    std::string output;
    std::string errors;
};

class subprocess {
public:
    static constexpr auto no_limit = std::chrono::milliseconds::max();

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

    /// As above, but with any redirection of the standard streams. A program that reads the standard input of
    /// this process stays in its process group, since a terminal stops all other groups that read from it
    /// (SIGTTIN).
    subprocess(std::vector<std::string> command, const standard_streams& streams,
               std::span<const int> inherited = {});

    /// Kills the rest of the process group, or the program if it has no group of its own.
    ~subprocess();
    subprocess(subprocess&&) = delete;

    /// Returns the pid, which is also the id of the process group if it has its own.
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

    /// Hands over the pipe of standard output, for the input of another program. No other call reads it then.
    unique_fd take_output();

    /// Adds `text` to what the program reads from its pipe. Does not block: what does not fit into the pipe is
    /// kept, and written while read_line(), wait() or communicate() wait. What a program does not read is
    /// dropped. Throws std::logic_error if standard input is not a pipe, or after close_input().
    void write(std::string_view text);

    /// Lets the program see the end of its input once it has read all of it.
    void close_input();

    /// Writes `input`, if standard input is a pipe, and closes it; reads all pipes to their ends; and waits
    /// until the process ends. Serves all pipes at the same time, so that neither side waits for a full pipe
    /// forever. Also waits for other processes that have inherited the pipes. Returns nullopt if that takes
    /// longer than `limit`; then it can be called again without input.
    std::optional<program_output> communicate(std::string_view input = {},
                                              std::chrono::milliseconds limit = no_limit);

    /// Waits as communicate() for all of `programs`. Returns false if that takes longer than `limit`.
    static bool wait_for_all(std::span<subprocess* const> programs, std::chrono::milliseconds limit = no_limit);

    /// Returns the standard error so far, for errors::kept or a pipe. For errors::kept, a long text is cut to
    /// its beginning.
    [[nodiscard]] std::string error_output() const;

    /// Returns the first line of error_output(), which usually is the cause of the other lines.
    [[nodiscard]] std::string first_error() const;

    /// Sends a signal to the process alone (kill(2)). Does nothing once the process has ended.
    void signal(int number) const;
    void terminate() const { signal(SIGTERM); }

    /// Sends a signal to all processes of the group, if it has its own. Does nothing once the process has
    /// ended.
    void signal_group(int number) const;

    /// Waits until the process ends. Reads its output, and that of `other`, so that neither blocks on a full
    /// pipe. Returns nullopt if the process still runs after `limit`. Returns the same end again once it
    /// has ended.
    std::optional<process_end> wait(std::chrono::milliseconds limit = no_limit, subprocess* other = nullptr);

    /// Returns nullopt if the process still runs.
    std::optional<process_end> poll() { return wait(std::chrono::milliseconds{0}); }

    /// True if other processes of the group still existed when the process had ended. Call it after wait() has
    /// returned the end.
    [[nodiscard]] bool left_processes() const { return has_group_left_; }

private:
    using time_point = std::chrono::steady_clock::time_point;

    void start(const standard_streams& streams, std::span<const int> inherited);
    static void wait_for_event(std::span<subprocess* const> programs, time_point deadline);
    void write_input();
    void read_output();
    void limit_errors() const;
    [[nodiscard]] bool is_unreaped() const;
    void reap();

    std::vector<std::string> command_;
    pid_t pid_ = -1;
    bool has_group_ = true; // of its own
    unique_fd pidfd_;       // readable when the process has ended (pidfd_open(2))
    unique_fd input_;       // the pipes; closed at the end of what they carry
    unique_fd output_;
    unique_fd errors_;
    unique_fd kept_errors_;
    bool takes_input_ = false; // until close_input()
    std::string unwritten_;    // from written_ on
    std::size_t written_ = 0;
    std::string unread_;
    std::string unread_errors_;
    bool drops_output_ = false;
    std::optional<process_end> end_;
    bool has_group_left_ = true;
};

} // namespace parley
