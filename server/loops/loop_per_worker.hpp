// Several event loops side by side, each with its own queue of connections: multi-reactor. The common part of
// the models loops and coroutine.
#pragma once

#include "server/model.hpp"

#include <functional>

namespace parley {

/// Runs one loop; `options` holds its share of max_connections.
using run_loop = std::function<void(int number, listener& listener, const model_options& options)>;

/// Calls `run(number, listener, options)` in each of --workers threads or processes. Returns when shutdown was
/// requested and all calls have returned.
///
/// Each loop has a queue of its own (listener::queue_of()) if there is one for it; with
/// accept_strategy::epoll_exclusive all share one. Each has an equal share of max_connections: so the total
/// stays within the limit however unequally the kernel distributes the connections.
void loop_per_worker(listener& listener, const model_options& options, const run_loop& run);

} // namespace parley
