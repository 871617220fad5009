// Several event loops beside each other, each with a door: what loops and coroutine have in common.
#pragma once

#include "server/model.hpp"

#include <functional>

namespace parley {

/// Runs one loop.
using run_loop = std::function<void(int number, listener& door)>;

/// Calls `run(number, listener)` in each of --workers threads or processes, until a stop is requested and all
/// have returned. Each has a queue of clients of its own (listener::queue_of()) if there is one for it; with
/// discipline::exclusive all share one.
void loop_per_worker(listener& door, const model_options& options, const run_loop& run);

} // namespace parley
