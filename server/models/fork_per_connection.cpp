// fork: a process per connection, which ends with it.
//
//   who runs a session    a process of its own
//   sessions share        only shared memory; a crash ends one session
//   what bounds it        processes (--max-connections), and about 100 us of fork and exit per connection
//   when not to use it    many short connections; a parent with much memory, whose page tables fork must copy
//   seen in               Stevens' row 1; inetd's children; OpenSSH, PostgreSQL
#include "common/concurrency/child_processes.hpp"
#include "common/process/stop_signal.hpp"
#include "server/serve_blocking.hpp"

namespace parley {

void fork_per_connection(listener& listener, const service& offered, const model_options& options) {
    child_processes children{options.max_connections};
    listener.set_connection_timeout(options.idle_timeout);
    listener.set_nonblocking(); // the parent waits for a client and for the end of a child at the same time
    std::optional<connection> client; // accepted, but no process could be created yet
    // Made once, and started in each child. A child that starts it copies one page (copy-on-write); to make it
    // there would copy five, since malloc(3) writes to its data in the heap and in libc.
    session session = offered();
    const auto serve_client = [&](int number) {
        listener.close_in_child();
        worker worker{options.board, number};
        serve(std::move(*client), session, options, worker);
    };
    const auto start = [&] {
        if (children.start(std::ref(serve_client))) // by reference: a copy might need memory
            client.reset();
        else
            listener.back_off("fork",
                              errno); // tried again after the back-off; ended children are reaped before
    };
    const auto reap = [&] {
        while (const auto child = children.reap()) options.board.clear(child->number);
    };
    options.ready();
    for (;;) {
        auto limit = listener.backoff_left();
        const bool is_accepting = !children.is_full() && !limit;
        if (client && is_accepting) limit = std::chrono::milliseconds{0};
        const int listening = is_accepting && !client ? listener.descriptor() : -1;
        if (!stop_signal::wait_readable({listening, children.descriptor()}, limit)) break;
        reap();
        if (!is_accepting) continue;
        if (!client) client = listener.try_accept(listener::calls::blocking);
        if (client) start();
    }
    const auto can_start = [&] { return !children.is_full() && !stop_signal::is_grace_over(); };
    const auto start_pending = [&] {
        while (client && can_start()) {
            start();
            if (!client) return;
            stop_signal::interruptible_sleep(listener::accept_backoff);
            reap();
        }
    };
    start_pending();
    listener.drain_backlog(listener::calls::blocking, can_start, [&](connection connection) {
        client = std::move(connection);
        start_pending();
    });
    client.reset();
    listener.close();
    children.stop();
}

} // namespace parley
