// The beginning and the end of a connection, in the log and on the scoreboard.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <exception>

namespace parley {

class connection_log {
public:
    /// The connection begins. `wire` and `by` must outlive this.
    connection_log(const connection& wire, worker& by);

    /// Why it ended before its time. A peer's reset is its own affair: a debug line.
    void failed(const std::exception& reason) const noexcept;

    /// It has ended.
    ~connection_log();

private:
    const connection& wire_;
    worker& by_;
};

} // namespace parley
