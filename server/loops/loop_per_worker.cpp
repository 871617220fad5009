#include "server/loops/loop_per_worker.hpp"

#include "common/concurrency/process_pool.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/process/stop_signal.hpp"

namespace parley {

namespace {

/// The first loops have one more where the number does not divide.
model_options share_of(const model_options& all, int number) {
    auto own = all;
    own.max_connections = all.max_connections / all.workers + (number <= all.max_connections % all.workers);
    return own;
}

} // namespace

void loop_per_worker(listener& listener, const model_options& options, const run_loop& run) {
    for (int number = 1; number <= options.workers; ++number) listener.queue_of(number).set_nonblocking();
    if (options.in == worker_kind::processes) {
        process_pool pool{
            {.workers = options.workers, .max_workers = options.workers},
            options.board,
            options.ready,
            [&](int number) { run(number, listener.queue_of(number), share_of(options, number)); }};
        const listener::close_on_stop closing{listener};
        pool.run();
    } else if (options.workers == 1) {
        run(1, listener, options);
    } else {
        stop_signal::descriptor(); // made before there are threads: one of them may use up the last descriptor
        options.ready.expect(options.workers);
        worker_threads threads{options.workers};
        for (int i = 1; i <= options.workers; ++i) // not by number: a stop may have given back the first ones
            threads.start(worker_threads::work{
                [&, i](int number) { run(number, listener.queue_of(i), share_of(options, i)); }});
        stop_signal::wait();
        threads.join();
    }
}

} // namespace parley
