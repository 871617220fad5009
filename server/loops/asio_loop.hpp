// An event loop by Asio: what epoll_loop does by hand, written as coroutines that wait in line.
#pragma once

#include "server/model.hpp"

namespace parley {

/// Serves the clients of `listener` as worker `number`, until a stop is requested and all conversations have
/// ended. Work for the processor goes to a pool of --threads threads.
void run_asio_loop(listener& listener, const service& offered, const model_options& options, int number);

} // namespace parley
