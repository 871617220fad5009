// epoll: one readiness loop by hand; sessions are suspended in it while the kernel watches their sockets.
//
//   who runs a session    the loop, in turns between two waits (server/loops/epoll_loop.cpp)
//   sessions share        all memory, and need no lock: only one runs at a time
//   what bounds it        memory per connection, and one core
//   when it is wrong      calls that block, work for the processor: both stop everybody
//   seen in               muduo's scheme 5 (reactor); Redis
#include "server/loops/epoll_loop.hpp"

namespace parley {

void epoll(listener& listener, const service& offered, const model_options& options) {
    epoll_loop{listener, offered, options, 1}.run();
}

} // namespace parley
