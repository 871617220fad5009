// The beginning and the end of a connection, in the log and on the scoreboard.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <exception>

namespace parley {

class connection_log {
public:
    /// The connection begins. `connection` and `worker` must outlive this.
    connection_log(const connection& connection, worker& worker);

    /// Why it ended before its time. A peer's reset is its own affair: a debug line.
    void failed(const std::exception& reason) const noexcept;

    /// It has ended.
    ~connection_log();

private:
    const connection& connection_;
    worker& worker_;
};

} // namespace parley
