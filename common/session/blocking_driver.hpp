// Driver with blocking calls: one thread or process runs one session at a time. The simplest driver, so read it
// before nonblocking_driver.hpp.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "common/session/session.hpp"

#include <chrono>

namespace parley {

/// Runs `session` over a blocking `connection` until the session ends, the peer is silent for `idle_timeout`
/// (0: no limit), or a stop is requested. Records its activity in the scoreboard slot of `worker`. Throws what
/// the session throws, and std::system_error if the connection is lost.
void drive_blocking(session& session, connection& connection, worker& worker,
                    std::chrono::milliseconds idle_timeout);

} // namespace parley
