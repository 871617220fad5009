// A running command, the processes that it has started, and the server's descriptor of its connection.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "server/connection_log.hpp"

#include <chrono>
#include <optional>
#include <sys/types.h>

namespace parley {

/// The process group of a command: the command and the processes that it has started (setpgid(2)).
class process_group {
public:
    explicit process_group(pid_t leader) : leader_{leader} {}

    [[nodiscard]] bool is_empty() const;

    /// Sends SIGTERM, once; kill_if_overdue() then gives it a second.
    void terminate();
    [[nodiscard]] bool is_terminating() const { return terminated_at_.has_value(); }

    /// Sends SIGKILL if terminate() was called more than a second ago.
    void kill_if_overdue() const;
    void kill() const;

private:
    pid_t leader_;
    std::optional<std::chrono::steady_clock::time_point> terminated_at_;
};

class running_command {
public:
    /// Holds slot `number` of the scoreboard until it is destroyed.
    running_command(connection connection, pid_t process, scoreboard& board, int number);

    /// Terminates the command if its connection was idle for `idle_timeout` (0: never), or if the grace after a
    /// shutdown request is over. From the request on, the command gets end of input as soon as its connection
    /// is idle. Call it periodically (timeout_schedule).
    void check_timeouts(std::chrono::milliseconds idle_timeout);

    /// Logs a wait(2) status that is not success. Call it when the command has ended.
    void ended(int status) const;

    [[nodiscard]] process_group& group() { return group_; }
    [[nodiscard]] connection& get_connection() { return connection_; }

private:
    [[nodiscard]] std::chrono::milliseconds idle_time() const;

    connection connection_; // the same socket as the command's standard input and output
    worker worker_;
    connection_log log_;
    process_group group_;
    std::chrono::steady_clock::time_point started_at_;
};

} // namespace parley
