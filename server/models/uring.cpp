// uring: a proactor, one event loop on io_uring; the kernel receives and sends, and reports what it has done.
//
//   who runs a session    the loop, in turns between two operations
//   sessions share        all memory, without a lock: only one runs at a time
//   what bounds it        memory per connection, and one core
//   when not to use it    calls that block, CPU-bound work: both stop all clients; systems that forbid io_uring
//   seen in               - (Windows' I/O completion ports are of this design)
#include "server/loops/uring_loop.hpp"

namespace parley {

void uring(listener& listener, const service& offered, const model_options& options) {
    uring_loop{listener, offered, options, 1}.run();
}

} // namespace parley
