// loops: multi-reactor: an event loop per core, in threads or in processes (--in).
//
//   who runs a session    one of --workers loops, from start to end
//   sessions share        memory with all others (threads), or with those of their loop only (processes)
//   what bounds it        memory per connection, and the cores; a client stays with the loop that accepted it
//   when not to use it    few, very unequal clients: one loop may be overloaded while another one is idle
//   seen in               muduo's schemes 9 (reactors in threads) and 10 (in processes); nginx; memcached
#include "server/loops/epoll_loop.hpp"
#include "server/loops/loop_per_worker.hpp"

namespace parley {

void loops(listener& listener, const service& offered, const model_options& options) {
    loop_per_worker(listener, options, [&](int number, parley::listener& queue, const model_options& share) {
        epoll_loop{queue, offered, share, number}.run();
    });
}

} // namespace parley
