// loop-pool: one readiness loop talks to all clients, and a pool of threads does what needs the processor.
//
//   who runs a session    the loop; its work, one of --workers threads, while the session is suspended
//   sessions share        all memory; only work runs at the same time, and must lock what it writes
//   what bounds it        one core for talking, the pool for working
//   when it is wrong      many small requests without work: the hand-over costs more than it gives
//   seen in               muduo's scheme 8 (reactor + thread pool), where replies may overtake each other;
//                         here a connection has one request at work at a time, so they cannot
#include "server/loops/epoll_loop.hpp"

namespace parley {

void loop_pool(listener& listener, const service& offered, const model_options& options) {
    work_pool pool{options.workers, options.max_connections};
    epoll_loop{listener, offered, options, 1, &pool}.run();
}

} // namespace parley
