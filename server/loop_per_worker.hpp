// Several event loops beside each other, each with a door: what loops and coroutine have in common.
#pragma once

#include "server/model.hpp"

#include <functional>

namespace parley {

/// Runs one loop.
using run_loop = std::function<void(int number, listener& door)>;

/// Calls `run(number, door)` in each of --workers threads or processes, until a stop is requested and all have
/// returned. The first loop has the server's own door; so have all where they share it (discipline::exclusive);
/// else each has a sibling of it (SO_REUSEPORT).
void loop_per_worker(listener& door, const model_options& options, const run_loop& run);

} // namespace parley
