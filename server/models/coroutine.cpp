// coroutine: an Asio loop in a thread; each connection is a coroutine that is suspended while it waits.
//
//   who runs a session    the loop's thread, in turns between two waits; --workers loops, each on its own
//   sessions share        all memory; those of one loop need no lock, since only one runs at a time
//   what bounds it        memory per connection, and the cores that have a loop
//   when it is wrong      calls that block: they stop all clients of the loop (work for the processor, which a
//                         session asks for, is done by a pool of --threads threads)
//   seen in               Asio's C++20 examples; Python's asyncio; node
#include "server/loops/asio_loop.hpp"
#include "server/loops/loop_per_worker.hpp"

namespace parley {

void coroutine(listener& listener, const service& offered, const model_options& options) {
    loop_per_worker(listener, options, [&](int number, parley::listener& queue, const model_options& own) {
        run_asio_loop(queue, offered, own, number);
    });
}

} // namespace parley
