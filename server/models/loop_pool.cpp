// loop-pool: reactor + thread pool: one event loop for all clients, and threads for CPU-bound work.
//
//   who runs a session    the loop; its work, one of --workers threads, while the session is suspended
//   sessions share        all memory; only work runs at the same time, and must lock what it writes
//   what bounds it        one core for input and output, the pool for work
//   when not to use it    many small requests without work: the hand-over costs more than it gains
//   seen in               muduo's scheme 8 (reactor + thread pool), in which replies may overtake each
//                         other; here a connection has one request at work at a time, so they cannot
#include "server/loops/epoll_loop.hpp"

namespace parley {

void loop_pool(listener& listener, const service& offered, const model_options& options) {
    work_pool pool{options.workers, options.max_connections};
    epoll_loop{listener, offered, options, 1, &pool}.run();
}

} // namespace parley
