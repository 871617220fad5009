// exec: a command per connection, with the socket as its standard input and output.
//
//   who runs a session    any program, in a process group of its own, started by vfork and exec
//   sessions share        only what the system shares: files, pipes, databases
//   what bounds it        commands (--max-connections; orphans of a command do not count), and the cost of each
//                         start. --idle-timeout ends a command if its connection is idle; the kernel does not
//                         tell that of a UNIX socket: there it limits the lifetime
//   when not to use it    many short connections; clients that are to share memory
//   seen in               inetd, tcpserver; Python's subprocess.Popen
#include "common/clock.hpp"
#include "common/concurrency/child_processes.hpp"
#include "common/process/stop_signal.hpp"
#include "server/accept/admission.hpp"
#include "server/exec/child_command.hpp"
#include "server/exec/lingering_close.hpp"
#include "server/exec/running_command.hpp"
#include "server/loops/timeout_schedule.hpp"
#include "server/model.hpp"

#include <poll.h>
#include <sys/prctl.h>

namespace parley {

namespace {

class command_server {
public:
    explicit command_server(const model_options& options)
        : options_{options}, command_{options.command}, children_{options.max_connections} {
        prctl(PR_SET_CHILD_SUBREAPER, 1); // this process also reaps orphans of the commands
    }

    void run(listener& listener) {
        listener.set_nonblocking();
        options_.ready();
        for (;;) {
            auto limit = listener.backoff_left();
            const bool is_accepting = !limit && has_room();
            if (!limit)
                limit = client_ && is_accepting ? std::chrono::milliseconds{0} : timeout_check_interval();
            const int listening = is_accepting && !client_ ? listener.descriptor() : -1;
            if (!stop_signal::wait_readable({listening, children_.descriptor(), lingering_.descriptor()},
                                            limit))
                break;
            maintain();
            if (!is_accepting) continue;
            if (!client_) client_ = listener.try_accept(listener::calls::blocking);
            if (client_) start(listener);
        }
        start_pending(listener);
        listener.drain_backlog(
            listener::calls::blocking, [&] { return can_start(); },
            [&](connection connection) {
                client_ = std::move(connection);
                start_pending(listener);
            });
        client_.reset();
        listener.close();
        while (!running_.empty() || !orphans_.empty()) {
            pollfd ends{.fd = children_.descriptor(), .events = POLLIN, .revents = 0};
            poll(&ends, 1, static_cast<int>(stop_signal::wake_interval.count()));
            maintain();
        }
    }

private:
    [[nodiscard]] std::optional<std::chrono::milliseconds> timeout_check_interval() const {
        if (running_.empty() && orphans_.empty() && lingering_.count() == 0) return std::nullopt;
        return timeouts_.interval();
    }

    /// Orphans do not count: they may run for ever, as a daemon does.
    [[nodiscard]] bool has_room() const {
        return running_.size() + lingering_.count() < static_cast<std::size_t>(options_.max_connections);
    }

    /// Starts a command for client_ and resets it. If no process can be created now, client_ stays, and is
    /// tried again after a back-off, during which ended commands are reaped.
    void start(listener& listener) {
        const auto begin = [&] {
            if (!start_command()) return listener.back_off("fork", errno);
            client_.reset();
        };
        if (!admission_.try_admit(begin)) client_.reset();
    }

    [[nodiscard]] bool can_start() const { return has_room() && !stop_signal::is_grace_over(); }

    /// Starts a command for client_ at a shutdown; waits and repeats that if no process can be created.
    void start_pending(listener& listener) {
        while (client_ && can_start()) {
            start(listener);
            if (!client_) return;
            stop_signal::interruptible_sleep(listener::accept_backoff);
            maintain();
        }
    }

    bool start_command() {
        orphans_.reserve(orphans_.size() + running_.size() +
                         1); // places for all running commands: end() must not allocate
        int number = 0;
        pid_t process = 0;
        const auto spawn = [&](int free_number) {
            number = free_number;
            return process = command_.start(*client_);
        };
        if (!children_.start_with(std::ref(spawn))) return false;
        try {
            running_.try_emplace(process, std::move(*client_), process, options_.board, number);
        } catch (const std::bad_alloc&) {
            process_group{process}.kill();
            throw;
        }
        return true;
    }

    void maintain() {
        while (const auto child = children_.reap()) end(*child);
        lingering_.maintain();
        const auto now = coarse_now();
        if (!timeouts_.is_due(now)) return;
        for (auto& [process, command] : running_) command.check_timeouts(options_.idle_timeout);
        std::erase_if(orphans_, [](auto& group) { return group.is_empty(); });
        if (!stop_signal::is_requested()) return;
        for (auto& group : orphans_) {
            group.terminate();
            group.kill_if_overdue();
        }
    }

    void end(const child_processes::exited_child& child) {
        const auto found = running_.find(child.process);
        if (found == running_.end()) return; // killed by start_command(), which had no memory for it
        auto& command = found->second;
        command.ended(child.status);
        // Orphans of the command may still use the connection.
        if (command.group().is_empty())
            lingering_.add(std::move(command.get_connection()));
        else
            orphans_.push_back(command.group());
        running_.erase(found);
    }

    const model_options& options_;
    command command_;
    child_processes children_;
    std::optional<connection> client_; // accepted, but no command could be started yet
    std::unordered_map<pid_t, running_command> running_;
    std::vector<process_group> orphans_; // of commands that have ended
    lingering_close lingering_;
    admission admission_;
    timeout_schedule timeouts_{options_.idle_timeout};
};

} // namespace

void exec(listener& listener, const service&, const model_options& options) {
    command_server{options}.run(listener);
}

} // namespace parley
