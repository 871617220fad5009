// Carries a session in calls that wait: one thread or process, one conversation. The simplest driver, and
// the one to read first.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "common/session/session.hpp"

#include <chrono>

namespace parley {

/// Runs `session` over `connection`, whose calls must wait, to its end: its own, or the peer's silence of
/// `idle_timeout` (0: any length), or a requested stop. Notes on `worker`'s slot what it does.
/// Throws what the session throws, and std::system_error where the connection is lost.
void drive_blocking(session& session, connection& connection, worker& worker,
                    std::chrono::milliseconds idle_timeout);

} // namespace parley
