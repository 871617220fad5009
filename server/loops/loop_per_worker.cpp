#include "server/loops/loop_per_worker.hpp"

#include "common/concurrency/worker_processes.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/process/stop_signal.hpp"

namespace parley {

namespace {

/// Returns the options of loop `number`. If max_connections is no multiple of the loops, the first loops get
/// one connection more.
model_options share_of(const model_options& options, int number) {
    auto share = options;
    share.max_connections =
        options.max_connections / options.workers + (number <= options.max_connections % options.workers);
    return share;
}

} // namespace

void loop_per_worker(listener& listener, const model_options& options, const run_loop& run) {
    for (int number = 1; number <= options.workers; ++number) listener.queue_of(number).set_nonblocking();
    if (options.in == worker_kind::processes) {
        worker_processes pool{
            {.workers = options.workers, .max_workers = options.workers},
            options.board,
            options.ready,
            [&](int number) { run(number, listener.queue_of(number), share_of(options, number)); }};
        const listener::close_on_stop closing{listener};
        pool.run();
    } else if (options.workers == 1) {
        run(1, listener, options);
    } else {
        stop_signal::descriptor(); // opened before the threads start: a thread may use up the last descriptor
        options.ready.expect(options.workers);
        worker_threads threads{options.workers};
        // The queue is chosen by `i`, not by the thread's number: at a shutdown the first threads may have
        // ended, and their numbers are used again.
        for (int i = 1; i <= options.workers; ++i)
            threads.start(worker_threads::work{
                [&, i](int number) { run(number, listener.queue_of(i), share_of(options, i)); }});
        stop_signal::wait();
        threads.join();
    }
}

} // namespace parley
