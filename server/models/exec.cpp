// exec: a command per connection, with the socket as its standard input and output.
//
//   who runs a session    any program, in a process group of its own, started by vfork and exec
//   sessions share        only what the system shares: files, pipes, databases
//   what bounds it        commands (--max-connections; orphans of a command do not count), and the cost of each
//                         start. --idle-timeout ends a command if its connection is idle; the kernel does not
//                         tell that of a UNIX socket: there it limits the lifetime
//   when not to use it    many short connections; clients that are to share memory
//   seen in               inetd, tcpserver; Python's subprocess.Popen
#include "common/process/stop_signal.hpp"
#include "server/exec/command_group.hpp"
#include "server/model.hpp"

namespace parley {

namespace {

/// Starts a command for `client` at a shutdown; waits and repeats that if no process can be created.
void start_pending(command_group& commands, std::optional<connection>& client, listener& listener) {
    while (client && commands.has_room() && !stop_signal::is_grace_over()) {
        commands.start(client, listener);
        if (!client) return;
        stop_signal::interruptible_sleep(listener::accept_backoff);
        commands.maintain();
    }
}

} // namespace

void exec(listener& listener, const service&, const model_options& options) {
    command_group commands{options};
    std::optional<connection> client; // accepted, but no command could be started yet
    listener.set_nonblocking();
    options.ready();
    for (;;) {
        auto limit = listener.backoff_left();
        const bool is_accepting = !limit && commands.has_room();
        if (!limit) limit = client && is_accepting ? std::chrono::milliseconds{0} : commands.check_interval();
        const int listening = is_accepting && !client ? listener.descriptor() : -1;
        if (!stop_signal::wait_readable(
                {listening, commands.child_descriptor(), commands.lingering_descriptor()}, limit))
            break;
        commands.maintain();
        if (!is_accepting) continue;
        if (!client) client = listener.try_accept(listener::calls::blocking);
        if (client) commands.start(client, listener);
    }
    start_pending(commands, client, listener);
    listener.drain_backlog(
        listener::calls::blocking, [&] { return commands.has_room() && !stop_signal::is_grace_over(); },
        [&](connection connection) {
            client = std::move(connection);
            start_pending(commands, client, listener);
        });
    client.reset();
    listener.close();
    commands.wait_for_all();
}

} // namespace parley
