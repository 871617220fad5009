// thread: a thread per connection, which ends with it.
//
//   who runs a session    a thread of its own
//   sessions share        all memory: what they write must be locked or atomic
//   what bounds it        threads (--max-connections): a stack each, and the scheduler
//   when not to use it    thousands of idle clients; very short connections; code that crashes
//   seen in               Stevens' row 6; Python's ThreadingTCPServer; MySQL
#include "common/concurrency/worker_threads.hpp"
#include "server/accept/admission.hpp"
#include "server/serve_blocking.hpp"

#include <unistd.h>

namespace parley {

void thread_per_connection(listener& listener, const service& offered, const model_options& options) {
    worker_threads threads{options.max_connections};
    admission admission;
    const auto process = getpid();
    listener.set_connection_timeout(options.idle_timeout);
    options.ready();
    while (threads.wait_for_room()) {
        auto connection = listener.accept();
        if (!connection) break;
        admission.try_admit([&] {
            // The session is made and destroyed by this thread. A thread that never allocates needs no arena of
            // malloc(3).
            threads.start(worker_threads::work{
                [&, connection = std::move(*connection), session = offered()](int number) mutable {
                    worker worker{options.board, number, process};
                    serve(std::move(connection), session, options, worker);
                }});
        });
    }
    listener.close();
    threads.join();
}

} // namespace parley
