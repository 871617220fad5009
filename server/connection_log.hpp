// Records the start and the end of a connection in the log and on the scoreboard.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <exception>

namespace parley {

class connection_log {
public:
    /// Records the start. `connection` and `worker` must outlive this object.
    connection_log(const connection& connection, worker& worker);

    /// Logs the error that ended it: an error, or a debug line if the peer or the network is the cause.
    void failed(const std::exception& reason) const noexcept;

    /// Records the end.
    ~connection_log();

private:
    const connection& connection_;
    worker& worker_;
};

} // namespace parley
