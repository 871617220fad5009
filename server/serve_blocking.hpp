// One connection from start to logged end, for models with blocking calls. An error in a session ends here: it
// never ends the server. Its counterpart for event loops is loops/served_connection.hpp.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "server/model.hpp"

namespace parley {

/// Makes a session of the service `offered` and runs it over `connection` until it ends.
void serve(connection connection, const service& offered, const model_options& options,
           worker& worker) noexcept;

/// Does the same with a session that was made before, and has not started.
void serve(connection connection, session& session, const model_options& options, worker& worker) noexcept;

} // namespace parley
