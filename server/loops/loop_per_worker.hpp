// Several event loops beside each other, each with a door: what loops and coroutine have in common.
#pragma once

#include "server/model.hpp"

#include <functional>

namespace parley {

/// Runs one loop, with options of its own.
using run_loop = std::function<void(int number, listener& listener, const model_options& options)>;

/// Calls `run(number, listener, options)` in each of --workers threads or processes, until a stop is requested
/// and all have returned. Each has a queue of clients of its own (listener::queue_of()) if there is one for it;
/// with accept_strategy::exclusive all share one. Each has an equal share of max_connections, so that together
/// they have no more, however unequally the kernel deals the clients out.
void loop_per_worker(listener& listener, const model_options& options, const run_loop& run);

} // namespace parley
