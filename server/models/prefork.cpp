// prefork: a process pool; each process serves one client after the other.
//
//   who runs a session    one of the processes, from start to end
//   sessions share        only shared memory; a crash ends one session, and the process is replaced
//   what bounds it        the pool: the next client waits in the backlog; with --min-spare the pool grows
//   when not to use it    clients that stay: as many idle ones as there are processes stop the service
//   seen in               Stevens' rows 2 to 5 (--accept chooses the row); Apache's prefork; Unicorn
#include "common/concurrency/worker_processes.hpp"
#include "common/process/stop_signal.hpp"
#include "server/accept/accept_lock.hpp"
#include "server/accept/descriptor_passing.hpp"
#include "server/serve_blocking.hpp"

#include <deque>
#include <optional>
#include <poll.h>

namespace parley {

namespace {

/// Serves the connections that `next()` returns, up to the limit of one worker.
template <class Next>
void serve_clients(int number, Next next, const service& offered, const model_options& options) {
    worker worker{options.board, number};
    options.ready();
    for (int served = 0; options.max_connections_per_worker == 0 || served < options.max_connections_per_worker;
         ++served) {
        auto connection = next();
        if (!connection) return;
        serve(std::move(*connection), offered, options, worker);
    }
}

/// The parent of --accept pass: it accepts, and passes each connection to an idle worker.
///
/// Accepted connections that cannot be passed yet wait in waiting_. Usually that is only one that a worker had
/// not received when it ended; at a shutdown it is the whole backlog, so that the port closes at once.
class passing_parent {
public:
    passing_parent(listener& listener, const service& offered, const model_options& options, pool_size size)
        : listener_{listener},
          passing_{size.max_workers},
          pool_{size, options.board, options.ready, [&](int number) {
                    listener.close();
                    passing_.become_worker(number);
                    serve_clients(
                        number, [&] { return passing_.receive(); }, offered, options);
                }} {}

    void run(ready_report& ready) {
        listener_.set_nonblocking();
        do {
            maintain();
            while (const auto worker = idle_worker()) {
                if (waiting_.empty()) enqueue(listener_.try_accept(listener::calls::blocking));
                if (waiting_.empty() || !pass(*worker)) break;
            }
        } while (stop_signal::wait_readable({can_accept() ? listener_.descriptor() : -1, passing_.descriptor(),
                                             pool_.descriptor(), ready.descriptor()},
                                            listener_.backoff_left() ? listener_.backoff_left()
                                                                     : pool_.maintain_again_after()));
        stop();
    }

private:
    /// Passes the backlog to workers as long as they become idle. It gives up if none does for a while: then
    /// their clients stay.
    void stop() {
        constexpr int max_wait = 500, step = 10; // ms in which no worker became idle
        listener_.drain_backlog(
            listener::calls::blocking, [&] { return !listener_.backoff_left(); },
            [&](connection connection) { waiting_.push_back(std::move(connection)); });
        listener_.stop_listening();
        pollfd finished{.fd = passing_.descriptor(), .events = POLLIN, .revents = 0};
        for (int waited = 0; !waiting_.empty() && waited < max_wait; waited += step) {
            maintain();
            for (auto worker = idle_worker(); worker && !waiting_.empty() && pass(*worker);
                 worker = idle_worker())
                waited = 0;
            poll(&finished, 1, step);
        }
        waiting_.clear();
        listener_.close();
        passing_.close();
        pool_.stop();
    }

    void maintain() {
        pool_.maintain([&](int number) { enqueue(passing_.ended(number)); });
        passing_.collect();
    }

    bool enqueue(std::optional<connection> connection) {
        if (!connection) return false;
        waiting_.push_back(std::move(*connection));
        return true;
    }

    bool pass(int worker) {
        if (!passing_.pass(worker, waiting_.front())) {
            listener_.back_off("sendmsg to a worker", errno);
            return false;
        }
        waiting_.pop_front();
        return true;
    }

    [[nodiscard]] std::optional<int> idle_worker() const {
        return passing_.idle_worker([&](int number) { return pool_.is_serving(number); });
    }
    [[nodiscard]] bool can_accept() const { return idle_worker() && !listener_.backoff_left(); }

    listener& listener_;
    descriptor_passing passing_;
    worker_processes pool_;
    std::deque<connection> waiting_;
};

} // namespace

void prefork(listener& listener, const service& offered, const model_options& options) {
    const bool grows = options.min_spare > 0;
    const pool_size size{.workers = options.workers,
                         .max_workers = grows ? options.max_workers : options.workers,
                         .min_spare = options.min_spare,
                         .max_spare = options.max_spare};
    if (options.accept == accept_strategy::fd_passing)
        return passing_parent{listener, offered, options, size}.run(options.ready);

    listener.set_connection_timeout(options.idle_timeout);
    accept_lock accept_lock{options.accept};
    worker_processes pool{size, options.board, options.ready, [&](int number) {
                              auto& queue =
                                  listener.queue_of(number); // its own with reuseport; otherwise all share one
                              serve_clients(
                                  number, [&] { return accept_lock.accept(queue); }, offered, options);
                          }};
    const listener::close_on_stop closing{listener};
    pool.run();
}

} // namespace parley
