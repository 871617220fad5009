// epoll: a reactor, one event loop on epoll; sessions are suspended while the kernel watches their sockets.
//
//   who runs a session    the loop, in turns between two waits (server/loops/epoll_loop.cpp)
//   sessions share        all memory, without a lock: only one runs at a time
//   what bounds it        memory per connection, and one core
//   when not to use it    calls that block, CPU-bound work: both stop all clients
//   seen in               muduo's scheme 5 (reactor); Redis
#include "server/loops/epoll_loop.hpp"

namespace parley {

void epoll(listener& listener, const service& offered, const model_options& options) {
    epoll_loop{listener, offered, options, 1}.run();
}

} // namespace parley
