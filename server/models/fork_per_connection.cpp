// fork: a new process for each connection, which ends with it.
//
//   who runs a session    a process of its own
//   sessions share        nothing but what is put into shared memory; a crash ends one conversation
//   what bounds it        processes (--max-connections), and about 100 us of fork and exit per connection
//   when it is wrong      many short connections; a parent with much memory, whose tables fork must copy
//   seen in               Stevens' row 1; inetd's children; OpenSSH, PostgreSQL
#include "common/concurrency/child_processes.hpp"
#include "common/process/stop_signal.hpp"
#include "server/serve_blocking.hpp"

namespace parley {

void fork_per_connection(listener& listener, const service& offered, const model_options& options) {
    child_processes children{options.max_connections};
    listener.set_connection_timeout(options.idle_timeout);
    listener.set_nonblocking();          // the parent waits for two things at once: a client, and a child's end
    std::optional<connection> client; // accepted, and without a process
    // Opened once, and begun in each child: its copy costs a page, and to open it there would cost five
    // (malloc's own notes, in the heap and in libc).
    session session = offered();
    const auto serve_client = [&](int number) {
        listener.close_in_child();
        worker self{options.board, number};
        serve(std::move(*client), session, options, self);
    };
    const auto start = [&] {
        if (children.start(std::ref(serve_client))) // without a copy, for which there might be no memory
            client.reset();
        else
            listener.back_off("fork",
                              errno); // there is no process now: try again a moment later, and reap meanwhile
    };
    const auto reap = [&] {
        while (const auto child = children.reap()) options.board.clear(child->number);
    };
    options.ready();
    for (;;) {
        auto limit = listener.backoff_left();
        const bool can_start = !children.is_full() && !limit;
        if (client && can_start) limit = std::chrono::milliseconds{0};
        const int accepting = can_start && !client ? listener.descriptor() : -1;
        if (!stop_signal::wait_readable({accepting, children.descriptor()}, limit)) break;
        reap();
        if (!can_start) continue;
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
