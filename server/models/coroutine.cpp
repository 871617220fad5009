// coroutine: a reactor on Asio; each connection is a coroutine that is suspended while it waits.
//
//   who runs a session    the thread of a loop, in turns between two waits; --workers loops, each in a thread
//   sessions share        all memory; sessions of one loop need no lock, since only one runs at a time
//   what bounds it        memory per connection, and the cores that have a loop
//   when not to use it    calls that block: they stop all clients of the loop
//   seen in               Asio's C++20 examples; Python's asyncio; node
#include "server/loops/asio_loop.hpp"
#include "server/loops/loop_per_worker.hpp"

namespace parley {

void coroutine(listener& listener, const service& offered, const model_options& options) {
    loop_per_worker(listener, options, [&](int number, parley::listener& queue, const model_options& share) {
        run_asio_loop(queue, offered, share, number);
    });
}

} // namespace parley
