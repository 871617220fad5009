// One connection from open to logged end, for the models whose calls wait. What goes wrong in a conversation
// ends here: it never takes the server along.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "server/model.hpp"

namespace parley {

/// Opens a session of `offered` with the peer at the other end of `connection` and carries it to its end.
/// Throws nothing.
void serve(connection connection, const service& offered, const model_options& options,
           worker& worker) noexcept;

/// The same with a session that has been opened already, and has not begun.
void serve(connection connection, session& session, const model_options& options, worker& worker) noexcept;

} // namespace parley
