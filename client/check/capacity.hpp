// Finds out how a server serves several clients, before the checks: how many at a time, and by which processes
// and threads. A check that needs two clients at a time makes no sense for an iterative server.
#pragma once

#include "client/check/examination.hpp"

namespace parley {

/// Starts the server, connects clients that all stay, and counts their replies. A server that fails in another
/// way gets the full capacity: the checks will say what is wrong. Throws start_failed.
server_capacity observe_capacity(const profile& profile, const server_promise& promise);

} // namespace parley
