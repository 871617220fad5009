// iterative: one client after the other, in one process.
//
//   who runs a session    the only thread
//   sessions share        everything, but never at the same time
//   what bounds it        one session; all other clients wait in the backlog
//   when not to use it    one client may be slow, or two may come at once
//   seen in               Stevens' baseline (row 0: no cost of process control); daytime servers
#include "server/serve_blocking.hpp"

namespace parley {

void iterative(listener& listener, const service& offered, const model_options& options) {
    worker worker{options.board, 1};
    listener.set_connection_timeout(options.idle_timeout);
    const listener::close_on_stop closing{listener};
    options.ready();
    while (auto connection = listener.accept()) serve(std::move(*connection), offered, options, worker);
}

} // namespace parley
