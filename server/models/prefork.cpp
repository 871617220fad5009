// prefork: a pool of processes, each of which serves one client after the other.
//
//   who runs a session    one of the processes, from beginning to end
//   sessions share        nothing but shared memory; a crash ends one conversation, and is made good
//   what bounds it        the pool: the next client waits in the kernel's queue. With --min-spare it grows
//   when it is wrong      clients that stay: as many idle ones as there are processes stop the service
//   seen in               Stevens' rows 2 to 5 (who accepts: --accept); Apache's prefork; Unicorn
#include "common/process_pool.hpp"
#include "common/stop_signal.hpp"
#include "server/descriptor_passing.hpp"
#include "server/serve.hpp"
#include "server/turn.hpp"

#include <poll.h>

namespace parley {

namespace {

/// Serves who `next()` lets in, as many as one worker may.
template <class Next>
void serve_clients(int number, Next next, const service& offered, const model_options& options) {
    worker self{options.board, number};
    options.ready();
    for (int served = 0; options.max_connections_per_worker == 0 || served < options.max_connections_per_worker;
         ++served) {
        auto peer = next();
        if (!peer) return;
        serve(std::move(*peer), offered, options, self);
    }
}

/// Those who stand at the door at a stop get a worker as long as workers become idle: the others have clients
/// that stay.
void pass_last(listener& door, descriptor_passing& passing) {
    constexpr int longest = 500;
    pollfd idle{.fd = passing.descriptor(), .events = POLLIN, .revents = 0};
    for (int waited = 0; waited < longest; waited += 10) {
        passing.collect_idle();
        while (passing.any_idle()) {
            auto peer = door.accept_last(listener::calls::blocking);
            if (!peer) return;
            passing.pass(*peer);
            waited = 0;
        }
        poll(&idle, 1, 10);
    }
}

/// The parent accepts, and passes each connection to a worker that is idle.
void run_passing(listener& door, const service& offered, const model_options& options, pool_size size) {
    descriptor_passing passing{size.most};
    process_pool pool{size, options.board, options.ready, [&](int number) {
                          door.close();
                          passing.become_worker(number);
                          serve_clients(
                              number, [&] { return passing.receive(); }, offered, options);
                      }};
    door.non_blocking();
    do {
        pool.tend();
        passing.collect_idle();
        while (passing.any_idle()) {
            auto peer = door.try_accept(listener::calls::blocking);
            if (!peer) break;
            passing.pass(*peer);
        }
    } while (stop_signal::wait_readable({passing.any_idle() && !door.breath_left() ? door.descriptor() : -1,
                                         passing.descriptor(), pool.descriptor(), options.ready.descriptor()},
                                        door.breath_left() ? door.breath_left() : pool.tend_again_after()));
    pass_last(door, passing);
    door.close();
    pool.stop();
}

} // namespace

void prefork(listener& door, const service& offered, const model_options& options) {
    const bool grows = options.min_spare > 0;
    const pool_size size{.workers = options.workers,
                         .most = grows ? options.max_workers : options.workers,
                         .min_spare = options.min_spare,
                         .max_spare = options.max_spare};
    if (options.accept == discipline::pass) return run_passing(door, offered, options, size);

    turn whose{options.accept};
    process_pool pool{size, options.board, options.ready, [&](int number) {
                          auto& own = door.queue_of(number); // with reuseport; else all have the same
                          serve_clients(
                              number, [&] { return whose.accept(own); }, offered, options);
                      }};
    pool.run();
}

} // namespace parley
