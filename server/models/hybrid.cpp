// hybrid: processes x threads: a pool of processes, each with a pool of threads, all of which accept.
//
//   who runs a session    one of --workers x --threads threads, from start to end
//   sessions share        memory with the other threads of their process; a crash ends all of these
//   what bounds it        the pool: the next client waits in the backlog
//   when not to use it    clients that stay: as many idle ones as there are threads stop the service; code that
//                         crashes
//   seen in               Apache's worker; Gunicorn's gthread
#include "common/concurrency/worker_processes.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/process/stop_signal.hpp"
#include "server/serve_blocking.hpp"

namespace parley {

void hybrid(listener& listener, const service& offered, const model_options& options) {
    listener.set_connection_timeout(options.idle_timeout);
    const auto serve_in_threads = [&](int process) {
        worker_threads threads{options.threads};
        for (int i = 0; i < options.threads; ++i)
            threads.start(worker_threads::work{[&](int thread) {
                worker worker{options.board, (process - 1) * options.threads + thread};
                while (auto connection = listener.accept())
                    serve(std::move(*connection), offered, options, worker);
            }});
        options.ready();
        stop_signal::wait();
        threads.join();
    };
    worker_processes pool{
        {.workers = options.workers, .max_workers = options.workers, .slots_per_worker = options.threads},
        options.board,
        options.ready,
        serve_in_threads};
    const listener::close_on_stop closing{listener};
    pool.run();
}

} // namespace parley
