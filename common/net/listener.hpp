// A listener: owns the listening sockets (TCP, UNIX) of a server, and can only accept. It sorts the errors of
// accept(2) into retry, back off, and fatal. Back off means that descriptors or memory ran out: accepting
// pauses for 50 ms, so the server neither spins nor ends. Read connection.hpp and process/stop_signal.hpp
// first.
#pragma once

#include "common/log.hpp"
#include "common/net/connection.hpp"
#include "common/process/stop_signal.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace parley {

/// What to do after accept(2) has failed.
enum class accept_error { retry, back_off, fatal };

/// Returns what to do after accept(2) has failed with this errno.
accept_error classify_accept_error(int error);

struct listen_options {
    int backlog = SOMAXCONN;
    bool shared_port = false; // SO_REUSEPORT: several queues can be opened at the same port, see open_queues()
    bool v6_only = false;     // if false, [::] also accepts IPv4, unless net.ipv6.bindv6only is set (ipv6(7))
    mode_t unix_mode =
        0600; // permissions of a UNIX socket's file; abstract sockets are open to all local users
};

/// Opens and binds a socket; a stream socket also listens. It has SO_REUSEADDR, and accepted sockets inherit
/// TCP_NODELAY. With port 0 the kernel chooses the port. The file of a UNIX socket that a dead server has left
/// is replaced; any other file is not. Throws std::system_error that names the call and the address.
unique_fd open_socket(const address& at, const listen_options& options);

/// Opens a socket for each address of one name. An address that this machine does not have (as ::1 without
/// IPv6) is skipped if at least one other can be opened. With port 0, all sockets get the same port. Throws as
/// open_socket().
std::vector<unique_fd> open_sockets(std::span<const address> addresses, const listen_options& options);

class listener {
public:
    /// How long accepting pauses if descriptors or memory have run out. Short enough that a freed descriptor is
    /// used soon; long enough that at most 20 failing calls a second cost no CPU.
    static constexpr std::chrono::milliseconds accept_backoff{50};

    /// Inherited sockets belong to a service manager, which gives them to another process when this one has
    /// ended (systemd.socket(5)). So they are never closed for other processes.
    enum class socket_ownership { owned, inherited };

    /// Takes at least one socket that already listens.
    explicit listener(std::vector<unique_fd> sockets, socket_ownership ownership = socket_ownership::owned);
    listener(const address& at, const listen_options& options);

    /// Opens further sockets at the same addresses (SO_REUSEPORT) until there are `count` queues. The calling
    /// process keeps all of them open, so the clients in a queue survive the worker that served it. A socket
    /// without shared_port, an inherited socket, or a UNIX socket is duplicated instead, so all its queues are
    /// the same one. Call this before root privileges are dropped: only the user of the first socket can open
    /// another at its port.
    void open_queues(int count, const listen_options& options);

    /// Returns the listener for worker `number` (from 1). Workers share queues if there are fewer queues than
    /// workers. The result lives as long as this listener. close() does not close it.
    [[nodiscard]] listener& queue_of(int number);

    /// Waits for the next client and returns a blocking connection. Returns nullopt after close(), or once a
    /// stop was requested and the backlog is empty; then the sockets no longer listen.
    [[nodiscard]] std::optional<connection> accept();

    /// Whether the calls of an accepted connection block.
    enum class calls { blocking, non_blocking };

    /// Accepts a client without waiting. Returns nullopt if no connection is pending or accepting is paused.
    /// Needs set_nonblocking().
    [[nodiscard]] std::optional<connection> try_accept(calls kind);

    /// Accepts a client that was in the backlog when a stop was requested, since it may already have sent its
    /// request. Does not wait. Returns nullopt if none is left, if the grace period is over, or if the sockets
    /// are inherited: then the next owner serves these clients.
    [[nodiscard]] std::optional<connection> accept_pending(calls kind);

    /// Passes each connection that accept_pending() returns to `add(connection)`, as long as `has_room()`. Call
    /// it when shutdown was requested, before stop_listening() or close(): a client in the backlog may have
    /// sent its request already, and would be reset.
    template <class HasRoom, class Add>
    void drain_backlog(calls kind, HasRoom has_room, Add add) {
        while (has_room()) {
            auto pending = accept_pending(kind);
            if (!pending) return;
            add(std::move(*pending));
        }
    }

    /// Sets the timeouts of connection::set_timeout() on the listening sockets. Accepted TCP sockets inherit
    /// them, which saves two system calls per connection. accept() still waits without limit.
    void set_connection_timeout(std::chrono::milliseconds limit);

    /// Makes try_accept() return at once (O_NONBLOCK).
    void set_nonblocking();

    /// Returns the remaining back-off, or nullopt if accepting is not paused. During a back-off do not poll the
    /// descriptor: it stays readable.
    [[nodiscard]] std::optional<std::chrono::milliseconds> backoff_left() const;

    /// Returns a descriptor that is readable if a connection is pending: the socket, or an epoll(7) instance
    /// that watches all sockets.
    [[nodiscard]] int descriptor() const { return epoll_ ? epoll_.get() : sockets_.front().get(); }

    /// Pauses accepting for accept_backoff since `call` has failed with `error`. Logs that at most once a
    /// second.
    void back_off(std::string_view call, int error);

    /// Handles an error of accept(2), whether this class or io_uring(7) made the call: retries or backs off.
    /// Throws std::system_error if the error is fatal.
    void handle_accept_error(int error);

    /// Returns all listening sockets, for a loop that watches each of them.
    [[nodiscard]] std::span<const unique_fd> sockets() const { return sockets_; }

    /// Stops listening in all processes and threads that share the sockets (shutdown(2)): new clients are
    /// refused. Does nothing in a child of the process that opened the sockets, nor to inherited sockets, whose
    /// clients wait.
    void stop_listening();

    /// While alive, closes the port when a stop is requested, whatever the process is doing at that moment. No
    /// further client gets into a queue, and each queue is closed as soon as it is empty. Only for a process
    /// without other threads, whose children or next accept() take the pending clients. See
    /// stop_signal::repeated_work.
    class close_on_stop {
    public:
        explicit close_on_stop(listener& listener) : work_{close_queues, &listener} {}

    private:
        stop_signal::repeated_work work_;
    };

    /// Closes this process's descriptors. Other processes that share the sockets can still accept.
    void close();

    /// Closes the sockets in a child that leaves by _exit(2). Writes no memory, since each page that a child
    /// writes is copied. Do not use the listener in that process afterwards.
    void close_in_child() const;

    /// Returns the address of each socket.
    [[nodiscard]] std::vector<address> addresses() const;

private:
    static void close_queues(void* context) noexcept;
    std::optional<connection> accept_from(int listening_socket, int flags);
    [[nodiscard]] int backlog_length() const;
    [[nodiscard]] bool has_stopped_listening() const;

    /// What changes while threads share a listener. Atomic, and on the heap so that a listener can be moved.
    struct state {
        std::atomic<std::size_t> next = 0; // the socket to try first; round robin, so that none starves
        std::atomic<std::chrono::steady_clock::rep> back_off_until = 0;
        std::atomic<int> pending = -1; // how many clients accept_pending() may still find; -1: not yet counted
        once_a_second may_log;
    };

    [[nodiscard]] listener next_queue(const listen_options& options) const;

    std::vector<unique_fd> sockets_;
    unique_fd epoll_; // watches all sockets; empty if there is only one
    std::vector<listener> more_queues_;
    socket_ownership ownership_;
    std::chrono::milliseconds connection_timeout_{0};
    pid_t opener_ = getpid();
    std::unique_ptr<state> state_ = std::make_unique<state>();
};

} // namespace parley
