// An event loop by Asio: what readiness_loop does by hand, written as coroutines that wait in line.
#pragma once

#include "server/model.hpp"

namespace parley {

/// Serves the clients of `door` as worker `number`, until a stop is requested and all conversations have ended.
/// Work for the processor goes to a pool of --threads threads.
void run_coroutine_loop(listener& door, const service& offered, const model_options& options, int number);

} // namespace parley
