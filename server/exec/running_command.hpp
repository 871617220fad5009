// A command that talks to a client, what it has started, and the server's end of the connection.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "server/connection_log.hpp"

#include <chrono>
#include <optional>
#include <sys/types.h>

namespace parley {

/// A command and what it has started (setpgid(2)).
class process_group {
public:
    explicit process_group(pid_t leader) : leader_{leader} {}

    [[nodiscard]] bool is_empty() const;

    /// Asks it to end (SIGTERM), which cannot be taken back: see insist().
    void terminate();
    [[nodiscard]] bool is_asked() const { return asked_at_.has_value(); }

    /// Ends it (SIGKILL) where it was asked more than a second ago.
    void kill_if_overdue() const;
    void kill() const;

private:
    pid_t leader_;
    std::optional<std::chrono::steady_clock::time_point> asked_at_;
};

class running_command {
public:
    /// Has the slot of `number` on the scoreboard until it goes.
    running_command(connection connection, pid_t process, scoreboard& board, int number);

    /// To be asked now and then. A connection on which nothing has come or gone for `idle_timeout` (0: never)
    /// ends the command; so does the end of the grace after a stop. When a stop is requested, it first gets the
    /// end of its input, as soon as nothing is on its way.
    void check_timeouts(std::chrono::milliseconds idle_timeout);

    /// It has ended, with a status as wait(2) gives it. Tells the log where it did not end well.
    void ended(int status) const;

    [[nodiscard]] process_group& group() { return group_; }
    [[nodiscard]] connection& get_connection() { return connection_; }

private:
    [[nodiscard]] std::chrono::milliseconds quiet_for() const;

    connection connection_; // the same socket as the command's
    worker by_;
    connection_log log_;
    process_group group_;
    std::chrono::steady_clock::time_point began_;
};

} // namespace parley
