// Reactor on Asio's io_context: the same task as epoll_loop, written as coroutines.
#pragma once

#include "server/model.hpp"

namespace parley {

/// Serves the clients of `listener` as worker `number`. Returns when shutdown was requested and all sessions
/// have ended. CPU-bound work of the sessions goes to a pool of --threads threads.
void run_asio_loop(listener& listener, const service& offered, const model_options& options, int number);

} // namespace parley
