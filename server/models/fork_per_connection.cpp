// fork: a new process for each connection, which ends with it.
//
//   who runs a session    a process of its own
//   sessions share        nothing but what is put into shared memory; a crash ends one conversation
//   what bounds it        processes (--max-connections), and about 100 us of fork and exit per connection
//   when it is wrong      many short connections; a parent with much memory, whose tables fork must copy
//   seen in               Stevens' row 1; inetd's children; OpenSSH, PostgreSQL
#include "common/child_processes.hpp"
#include "common/stop_signal.hpp"
#include "server/serve.hpp"

namespace parley {

void fork_per_connection(listener& door, const service& offered, const model_options& options) {
    child_processes children{options.max_connections};
    door.non_blocking(); // the parent waits for two things at once: a client, and a child's end
    const auto talk_to = [&](connection peer) {
        const auto talk = [&](int number) {
            door.close();
            worker self{options.board, number};
            serve(std::move(peer), offered, options, self);
        };
        children.start(std::ref(talk)); // without a copy, for which there might be no memory
    };
    options.ready();
    for (;;) {
        const auto breath = door.breath_left();
        const bool open = !children.full() && !breath;
        if (!stop_signal::wait_readable({open ? door.descriptor() : -1, children.descriptor()}, breath)) break;
        while (const auto child = children.reap()) options.board.vacate(child->number);
        if (!open) continue;
        if (auto peer = door.try_accept(listener::calls::blocking)) talk_to(std::move(*peer));
    }
    while (!children.full()) {
        auto peer = door.accept_last(listener::calls::blocking);
        if (!peer) break;
        talk_to(std::move(*peer));
    }
    door.close();
    children.stop();
}

} // namespace parley
