// iterative: one client after the other, in one process.
//
//   who runs a session    the only thread
//   sessions share        everything, and never at the same time
//   what bounds it        one conversation; all others wait in the listen queue
//   when it is wrong      as soon as one client may be slow, or two may come at once
//   seen in               Stevens' baseline (the cost of no process control at all); daytime servers
#include "server/serve_blocking.hpp"

namespace parley {

void iterative(listener& listener, const service& offered, const model_options& options) {
    worker self{options.board, 1};
    listener.set_connection_timeout(options.idle_timeout);
    const listener::close_on_stop closing{listener};
    options.ready();
    while (auto peer = listener.accept()) serve(std::move(*peer), offered, options, self);
}

} // namespace parley
