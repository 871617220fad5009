// The door: it can only accept. Behind it stand one or several listening sockets (TCP, UNIX). It knows which
// of accept(2)'s errors mean "try again", which mean "breathe" (no descriptors or memory left: a moment without
// accepting, never a spin, never death), and which mean that the door is broken.
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

/// What to do after accept(2) has failed with an errno.
enum class accept_error { retry, back_off, fatal };
accept_error classify_accept_error(int error);

struct listen_options {
    int backlog = SOMAXCONN;
    bool shared_port = false; // SO_REUSEPORT: there may be several queues of clients, see open_queues()
    bool v6_only = false;     // else [::] takes IPv4, too, if the system says so (bindv6only, ipv6(7))
    mode_t unix_mode = 0600;  // who may connect to a UNIX socket; abstract ones are open to all of the machine
};

/// A socket that is bound, and, for streams, listens (SO_REUSEADDR; what it accepts has TCP_NODELAY). Port 0
/// lets the kernel choose. A UNIX socket that a dead server left behind is replaced; any other file is not.
/// Throws std::system_error that names the call and the address.
unique_fd open_socket(const address& at, const listen_options& options);

/// Opens all addresses of one name. One that this machine does not have (as ::1 without IPv6) is passed over if
/// another one can be opened. With port 0, all get the same port. Throws as open_socket() does.
std::vector<unique_fd> open_sockets(std::span<const address> all, const listen_options& options);

class listener {
public:
    /// How long not to accept when there are no descriptors or no memory left.
    static constexpr std::chrono::milliseconds accept_backoff{50};

    /// At least one socket, listening already. Those that are lent will serve somebody else after us.
    enum class socket_ownership { owned, inherited };
    explicit listener(std::vector<unique_fd> sockets, socket_ownership ownership = socket_ownership::owned);
    listener(const address& at, const listen_options& options);

    /// Opens listening sockets to the same addresses until there are `count` queues of clients. The process
    /// that calls this keeps them all: no end of a worker loses the clients that wait in its queue. Where a
    /// socket has no shared_port, is lent, or is no TCP socket, all queues are the same. Call it before root is
    /// given up: the kernel lets only the user who opened the first socket open another one.
    void open_queues(int count, const listen_options& options);

    /// The listener of worker `number` (from 1): a queue of its own if there is one for it, else it shares one.
    /// Lives as long as this one, and is not closed with it.
    [[nodiscard]] listener& queue_of(int number);

    /// Waits for the next client; its connection's calls wait, too. Nothing: a stop was requested, and those
    /// who stood at the door by then have been let in; now it is shut. Or it has been closed.
    [[nodiscard]] std::optional<connection> accept();

    /// Takes a client that stands at the door already; its connection's calls wait if `blocking`.
    /// Nothing: nobody is there, or it is a time to breathe. Needs set_nonblocking().
    enum class calls { blocking, non_blocking };
    [[nodiscard]] std::optional<connection> try_accept(calls kind);

    /// Takes a client that stood at the door when a stop was requested: it may have sent its request already.
    /// Does not wait. Nothing: none is left, or the grace is over, or the door is lent and others will serve
    /// them.
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

    /// Gives the listening sockets what connection::set_timeout() gives a connection: accepted sockets
    /// inherit it, which saves two system calls for each. accept() waits on as before.
    void set_connection_timeout(std::chrono::milliseconds limit);

    /// Lets try_accept() return at once.
    void set_nonblocking();

    /// How long nobody can be accepted; meanwhile do not wait for the descriptor, which stays readable.
    /// Nothing, as a rule.
    [[nodiscard]] std::optional<std::chrono::milliseconds> backoff_left() const;

    /// Readable when a client stands at the door: the socket, or an epoll(7) descriptor of all of them.
    [[nodiscard]] int descriptor() const { return all_ ? all_.get() : sockets_.front().get(); }

    /// Nobody can be accepted for a moment, since `call` has failed with `error`. That is logged, now and then.
    void back_off(std::string_view call, int error);

    /// accept(2) has failed with `error`, wherever it was called: breathes if that helps. Throws
    /// std::system_error where the door is broken.
    void handle_accept_error(int error);

    /// All listening sockets, for a loop that watches them one by one.
    [[nodiscard]] std::span<const unique_fd> sockets() const { return sockets_; }

    /// Nobody can come in any more, through any process or thread that has this door: clients are refused.
    /// Does nothing in a child of the process that opened it, nor to lent sockets: there, clients wait.
    void stop_listening();

    /// While this lives, the port closes at a stop, whatever the process is busy with: no further client gets
    /// into the queues, and each is shut when it is empty. For a process without other threads, whose children
    /// or whose next accept() take the clients that wait. See stop_signal::repeated_work.
    class close_on_stop {
    public:
        explicit close_on_stop(listener& listener) : work_{close_queues, &listener} {}

    private:
        stop_signal::repeated_work work_;
    };

    /// Nobody can come in any more through this process.
    void close();

    /// Closes the sockets in a child that leaves by _exit(2), and writes no memory: each page that a child
    /// writes is copied. Do not use the listener in that process afterwards.
    void close_in_child() const;

    [[nodiscard]] std::vector<address> addresses() const;

private:
    static void close_queues(void* opened) noexcept;
    std::optional<connection> accept_from(int listening_socket, int flags);
    [[nodiscard]] int queued() const;
    [[nodiscard]] bool is_shut() const;

    /// What threads that share a door change.
    struct state {
        std::atomic<std::size_t> next = 0; // of several sockets, the one to ask first: none is left out
        std::atomic<std::chrono::steady_clock::rep> back_off_until = 0;
        std::atomic<int> pending = -1; // how many accept_pending() may still find; -1: nobody has asked yet
        once_a_second complain;
    };

    [[nodiscard]] listener next_queue(const listen_options& options) const;

    std::vector<unique_fd> sockets_;
    unique_fd all_; // only where there are several
    std::vector<listener> more_queues_;
    socket_ownership ownership_;
    std::chrono::milliseconds connection_timeout_{0};
    pid_t opener_ = getpid();
    std::unique_ptr<state> state_ = std::make_unique<state>();
};

} // namespace parley
