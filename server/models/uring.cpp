// uring: one completion loop on io_uring: the kernel is asked to receive and to send, and says when it has done
// so.
//
//   who runs a session    the loop, in turns between two operations
//   sessions share        all memory, and need no lock: only one runs at a time
//   what bounds it        memory per connection, and one core
//   when it is wrong      calls that block, work for the processor; systems that forbid io_uring
//   seen in               - (the design is that of Windows' completion ports)
#include "server/loops/uring_loop.hpp"

namespace parley {

void uring(listener& listener, const service& offered, const model_options& options) {
    uring_loop{listener, offered, options, 1}.run();
}

} // namespace parley
