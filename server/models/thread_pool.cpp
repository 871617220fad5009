// pool: a thread pool of fixed size; each thread serves one client after the other.
//
//   who runs a session    one of --workers threads, from start to end
//   sessions share        all memory: what they write must be locked or atomic
//   what bounds it        the pool: the next client waits in the queue, then in the backlog
//   when not to use it    clients that stay: as many idle ones as there are threads stop the service
//   seen in               Stevens' rows 7 and 8 (--accept chooses the row); Java's executors
#include "common/concurrency/bounded_queue.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/process/stop_signal.hpp"
#include "server/accept/accept_lock.hpp"
#include "server/accept/admission.hpp"
#include "server/serve_blocking.hpp"

namespace parley {

namespace {

/// Starts the threads; each serves the connections that `next()` returns.
template <class Next>
void start_pool(worker_threads& threads, Next& next, const service& offered, const model_options& options) {
    for (int i = 0; i < options.workers; ++i)
        threads.start(worker_threads::work{[&](int number) {
            worker worker{options.board, number};
            while (auto connection = next()) serve(std::move(*connection), offered, options, worker);
        }});
}

} // namespace

void thread_pool(listener& listener, const service& offered, const model_options& options) {
    worker_threads threads{options.workers};
    listener.set_connection_timeout(options.idle_timeout);
    if (options.accept == accept_strategy::main_thread) {
        bounded_queue<connection> clients{static_cast<std::size_t>(options.workers)};
        auto next = [&] { return clients.pop(); };
        start_pool(threads, next, offered, options);
        admission admission;
        options.ready();
        // Called periodically while the queue is full: after a shutdown request it wakes the threads, since
        // this thread does not reach threads.join() yet.
        const auto should_stop = [&] {
            threads.wake_all();
            return stop_signal::is_grace_over();
        };
        while (auto connection = listener.accept())
            admission.try_admit([&] { clients.push(*connection, should_stop); });
        listener.close();
        clients.close();
        threads.join();
    } else {
        accept_lock accept_lock{options.accept};
        auto next = [&] { return accept_lock.accept(listener); };
        start_pool(threads, next, offered, options);
        options.ready();
        stop_signal::wait();
        threads.join();
    }
}

} // namespace parley
