#include "server/loop_per_worker.hpp"

#include "common/process_pool.hpp"
#include "common/stop_signal.hpp"
#include "common/worker_threads.hpp"

#include <vector>

namespace parley {

namespace {

listener non_blocking_sibling(const listener& door, const model_options& options) {
    auto own = door.sibling(options.listening);
    own.non_blocking();
    return own;
}

} // namespace

void loop_per_worker(listener& door, const model_options& options, const run_loop& run) {
    const auto shares = [&](int number) { return number == 1 || options.accept == discipline::exclusive; };
    door.non_blocking();
    if (options.in == container::processes) {
        process_pool pool{
            {.workers = options.workers, .most = options.workers}, options.board, [&](int number) {
                if (shares(number)) return run(number, door);
                auto own = non_blocking_sibling(door, options);
                run(number, own);
            }};
        pool.run();
    } else if (options.workers == 1) {
        run(1, door);
    } else {
        // All doors and the stop's descriptor are made before there are threads: a stop closes the first door.
        stop_signal::descriptor();
        std::vector<listener> siblings;
        for (int number = 2; number <= options.workers && !shares(number); ++number)
            siblings.push_back(non_blocking_sibling(door, options));
        worker_threads threads{options.workers};
        for (int i = 1; i <= options.workers; ++i) // not by number: a stop may have given back the first ones
            threads.start(worker_threads::work{[&, i](int number) {
                run(number, shares(i) ? door : siblings[static_cast<std::size_t>(i) - 2]);
            }});
        stop_signal::wait();
        threads.join();
    }
}

} // namespace parley
