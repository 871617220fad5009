// Listening sockets: how they are opened, shared between workers, and closed while clients are still in the
// backlog.
#include "common/net/listener.hpp"

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <system_error>

namespace parley {

using std::chrono::steady_clock;

accept_error classify_accept_error(int error) {
    switch (error) {
    case EINTR:
    case EAGAIN:
    case ECONNABORTED: // the peer closed its connection before it was accepted
    // Network errors that were already pending on the new socket; accept(2) says to treat them like EAGAIN.
    case EPROTO:
    case EPERM: // a firewall rule
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT: return accept_error::retry;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return accept_error::back_off;
    default: return accept_error::fatal;
    }
}

namespace {

/// True if the file is a UNIX socket on which no server listens any more. The probe is a datagram socket: if a
/// server listens, connect(2) fails with EPROTOTYPE. A stream socket would enter the server's backlog instead,
/// or wait for room there.
bool is_stale(const address& at) {
    struct stat file {};
    if (lstat(at.path().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    const unique_fd probe{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return ::connect(probe.get(), at.data(), at.size()) != 0 && errno == ECONNREFUSED;
}

/// Locks the folder of a UNIX socket while the file is checked, removed and bound. Without the lock, the slower
/// of two starting servers could remove the socket that the faster one has just bound. Other programs may lock
/// the same folder for their own purposes. So the wait is limited to one second, much longer than a start
/// takes; then the server starts without the lock.
unique_fd lock_folder_of(const std::string& path) {
    constexpr int attempts = 100;
    constexpr std::chrono::milliseconds interval{10};
    const auto slash = path.rfind('/');
    const auto folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    unique_fd lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (int attempt = 1; lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && attempt < attempts; ++attempt)
        stop_signal::interruptible_sleep(interval);
    return lock;
}

void bind_unix(int socket, const address& at, mode_t mode) {
    unique_fd lock;
    if (!at.path().empty()) {
        lock = lock_folder_of(at.path());
        if (is_stale(at)) ::unlink(at.path().c_str());
    }
    const auto old_mask =
        umask(0777 & ~mode); // chmod(2) after bind(2) would leave a moment with too many permissions
    const int result = ::bind(socket, at.data(), at.size());
    const int error = errno;
    umask(old_mask);
    errno = error;
    if (result != 0) throw_errno("bind", at.to_string());
}

/// Opens a socket that listens at `at`. With `joins_group` it joins the SO_REUSEPORT group of a socket that is
/// bound there already.
unique_fd open_at(const address& at, const listen_options& options, bool joins_group) {
    const auto name = at.to_string();
    unique_fd socket{check("socket", name, [&] { return ::socket(at.family(), at.type() | SOCK_CLOEXEC, 0); })};
    const auto set = [&](int level, int option) {
        const int yes = 1;
        check("setsockopt", name, [&] { return setsockopt(socket.get(), level, option, &yes, sizeof yes); });
    };
    if (at.family() == AF_UNIX) {
        bind_unix(socket.get(), at, options.unix_mode);
    } else {
        // Lets a stream server start again while old connections are in TIME-WAIT. For datagrams it would let
        // any user share the port (socket(7)).
        if (at.type() == SOCK_STREAM) set(SOL_SOCKET, SO_REUSEADDR);
        // Urgent data (tcp(7)) stays in the stream, in its place. Accepted sockets inherit this option, too.
        if (at.type() == SOCK_STREAM) set(SOL_SOCKET, SO_OOBINLINE);
        if (at.family() == AF_INET6 && options.v6_only) set(IPPROTO_IPV6, IPV6_V6ONLY);
        if (at.type() == SOCK_STREAM) set(IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it (tcp(7))
        if (joins_group) set(SOL_SOCKET, SO_REUSEPORT);
        check("bind", name, [&] { return ::bind(socket.get(), at.data(), at.size()); });
        // Set after bind(2): before it, this socket would silently join the group of another server on the same
        // port.
        if (options.shared_port) set(SOL_SOCKET, SO_REUSEPORT);
    }
    if (at.type() == SOCK_STREAM)
        check("listen", name, [&] { return ::listen(socket.get(), options.backlog); });
    return socket;
}

} // namespace

unique_fd open_socket(const address& at, const listen_options& options) { return open_at(at, options, false); }

namespace {

/// True for the errors of an address that this machine does not have: IPv6 is switched off, or the address
/// belongs to another host.
bool is_unavailable(const std::system_error& error) {
    const auto code = error.code().value();
    return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

} // namespace

std::vector<unique_fd> open_sockets(std::span<const address> addresses, const listen_options& options) {
    // The port that the kernel chose for the first address may be in use at the next one. Each attempt gets
    // another port, so 20 failures in a row mean that hardly any port is free.
    constexpr int attempts = 20;
    for (int attempt = 1;; ++attempt) {
        std::vector<unique_fd> sockets;
        std::exception_ptr unavailable;
        in_port_t chosen_port = 0; // by the kernel, for the first address
        bool is_port_in_use = false;
        for (const auto& address : addresses) {
            const bool needs_same_port = address.port() == 0 && chosen_port != 0;
            try {
                sockets.push_back(
                    open_socket(needs_same_port ? address.with_port(chosen_port) : address, options));
                chosen_port = address::of_socket(sockets.back().get()).port();
            } catch (const std::system_error& error) {
                is_port_in_use = needs_same_port && error.code().value() == EADDRINUSE && attempt < attempts;
                if (is_port_in_use) break;
                if (!is_unavailable(error)) throw;
                if (!unavailable) unavailable = std::current_exception();
            }
        }
        if (is_port_in_use) continue;
        if (sockets.empty()) std::rethrow_exception(unavailable);
        return sockets;
    }
}

listener::listener(std::vector<unique_fd> sockets, socket_ownership ownership)
    : sockets_{std::move(sockets)}, ownership_{ownership} {
    if (sockets_.size() < 2) return;
    set_nonblocking();
    epoll_ = unique_fd{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    for (const auto& socket : sockets_) {
        epoll_event readable{.events = EPOLLIN, .data = {}};
        check("epoll_ctl", [&] { return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &readable); });
    }
}

listener::listener(const address& at, const listen_options& options)
    : listener{[&] {
          std::vector<unique_fd> sockets;
          sockets.push_back(open_socket(at, options));
          return sockets;
      }()} {}

/// Opens another queue at the same addresses. An inherited socket is only duplicated: a new socket next to it
/// would lose its clients when this server ends, while the inherited one is served again later.
listener listener::next_queue(const listen_options& options) const {
    std::vector<unique_fd> sockets;
    for (const auto& socket : sockets_) {
        const auto has_option = [&socket](int level, int option) {
            int value = 0;
            socklen_t size = sizeof value;
            return getsockopt(socket.get(), level, option, &value, &size) == 0 && value != 0;
        };
        auto same_options = options;
        same_options.v6_only = has_option(IPPROTO_IPV6, IPV6_V6ONLY);
        sockets.push_back(
            has_option(SOL_SOCKET, SO_REUSEPORT) && ownership_ == socket_ownership::owned
                ? open_at(address::of_socket(socket.get()), same_options, true)
                : unique_fd{check("fcntl", [&] { return fcntl(socket.get(), F_DUPFD_CLOEXEC, 0); })});
    }
    return listener{std::move(sockets), ownership_};
}

void listener::open_queues(int count, const listen_options& options) {
    while (static_cast<int>(more_queues_.size()) + 1 < count) more_queues_.push_back(next_queue(options));
}

listener& listener::queue_of(int number) {
    const auto index = (static_cast<std::size_t>(number) - 1) % (more_queues_.size() + 1);
    return index == 0 ? *this : more_queues_[index - 1];
}

std::optional<connection> listener::accept() {
    while (!stop_signal::is_requested() && !sockets_.empty()) {
        if (sockets_.size() > 1 && !stop_signal::wait_readable({descriptor()})) break;
        if (auto connection = try_accept(calls::blocking)) return connection;
        if (const auto left = backoff_left()) stop_signal::sleep(*left);
    }
    auto connection = accept_pending(calls::blocking);
    if (!connection) stop_listening();
    return connection;
}

namespace {

int flags_for(listener::calls kind) {
    return SOCK_CLOEXEC | (kind == listener::calls::non_blocking ? SOCK_NONBLOCK : 0);
}

} // namespace

std::optional<connection> listener::accept_pending(calls kind) {
    if (ownership_ == socket_ownership::inherited) return std::nullopt;
    for (int unknown = -1; state_->pending < 0;)
        state_->pending.compare_exchange_strong(unknown, backlog_length());
    while (state_->pending > 0 && !stop_signal::is_grace_over()) {
        bool has_pending = false;
        for (const auto& socket : sockets_) {
            pollfd queue{.fd = socket.get(), .events = POLLIN, .revents = 0};
            if (poll(&queue, 1, 0) != 1) continue;
            // If another worker takes the client first, a blocking accept4(2) waits; but after a stop request
            // only until the next wake-up signal (stop_signal::wake_interval).
            if (auto connection = accept_from(socket.get(), flags_for(kind))) {
                --state_->pending;
                return connection;
            }
            // POLLHUP: another worker has already closed this queue, which was empty.
            if (!(queue.revents & POLLHUP)) has_pending = true;
        }
        if (!has_pending) break;
        if (const auto left = backoff_left()) stop_signal::interruptible_sleep(*left);
    }
    return std::nullopt;
}

/// Returns the number of connections in the kernel's accept queues. For a listening socket Linux reports it as
/// tcpi_unacked, which tcp(7) does not mention. For UNIX sockets the kernel does not tell: then the largest
/// possible number.
int listener::backlog_length() const {
    int length = 0;
    for (const auto& socket : sockets_) {
        tcp_info info{};
        socklen_t size = sizeof info;
        const bool is_known = getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
        length += is_known ? static_cast<int>(info.tcpi_unacked) : SOMAXCONN;
    }
    return length;
}

std::optional<connection> listener::try_accept(calls kind) {
    for (std::size_t tried = 0; tried < sockets_.size(); ++tried) {
        // With a single socket nothing is written: after fork(2) each written page would be copied.
        const auto next = sockets_.size() == 1 ? 0 : state_->next++ % sockets_.size();
        if (auto connection = accept_from(sockets_[next].get(), flags_for(kind))) return connection;
    }
    return std::nullopt;
}

std::optional<connection> listener::accept_from(int listening_socket, int flags) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    unique_fd socket{::accept4(listening_socket, reinterpret_cast<sockaddr*>(&peer), &size, flags)};
    if (socket)
        return connection{std::move(socket), address{reinterpret_cast<const sockaddr*>(&peer), size},
                          peer.ss_family == AF_UNIX ? std::chrono::milliseconds{0} : connection_timeout_};
    handle_accept_error(errno);
    return std::nullopt;
}

void listener::handle_accept_error(int error) {
    switch (classify_accept_error(error)) {
    case accept_error::retry: return;
    case accept_error::back_off: return back_off("accept", error);
    case accept_error::fatal:
        if (stop_signal::is_requested()) return; // the queue was closed for the stop
        if (has_stopped_listening()) {           // by the parent process, which is about to pass the stop on
            state_->back_off_until = (steady_clock::now() + accept_backoff).time_since_epoch().count();
            return;
        }
        errno = error;
        throw_errno("accept");
    }
}

void listener::back_off(std::string_view call, int error) {
    state_->back_off_until = (steady_clock::now() + accept_backoff).time_since_epoch().count();
    if (state_->may_log()) log::warn("{}: {}; new clients wait in the backlog", call, std::strerror(error));
}

// Only TCP sockets pass their timeouts on to accepted ones. Inherited sockets are not changed: the service
// manager gives them to another process later.
void listener::set_connection_timeout(std::chrono::milliseconds limit) {
    if (limit.count() <= 0 || ownership_ == socket_ownership::inherited) return;
    for (const auto& socket : sockets_) set_timeouts(socket.get(), limit);
    connection_timeout_ = limit;
    for (auto& queue : more_queues_) queue.set_connection_timeout(limit);
}

void listener::set_nonblocking() {
    for (const auto& socket : sockets_) {
        const int flags = check("fcntl", [&] { return fcntl(socket.get(), F_GETFL); });
        check("fcntl", [&] { return fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK); });
    }
}

std::optional<std::chrono::milliseconds> listener::backoff_left() const {
    const auto until = state_->back_off_until.load(std::memory_order_relaxed);
    if (until == 0) return std::nullopt; // the usual case: there was never a back-off, so no clock is read
    const steady_clock::time_point end{steady_clock::duration{until}};
    const auto left = end - steady_clock::now();
    if (left <= left.zero()) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

void listener::stop_listening() {
    if (getpid() != opener_ || ownership_ == socket_ownership::inherited) return;
    for (const auto& socket : sockets_) ::shutdown(socket.get(), SHUT_RDWR);
}

/// Closes each queue that is empty, and lets no further client into the others. Runs in a signal handler, so it
/// calls only async-signal-safe functions (signal-safety(7)).
///
/// A queue with clients cannot be shut down: the kernel would reset them. Its backlog is set to 0 instead. Then
/// the kernel drops the SYN of every further client as long as one waits. That client's TCP sends the SYN
/// again, and is refused once the queue is empty and closed.
void listener::close_queues(void* context) noexcept {
    auto& self = *static_cast<listener*>(context);
    if (self.ownership_ == socket_ownership::inherited) return;
    for (const auto& socket : self.sockets_) {
        pollfd queue{.fd = socket.get(), .events = POLLIN, .revents = 0};
        if (poll(&queue, 1, 0) == 0)
            ::shutdown(socket.get(), SHUT_RDWR);
        else if (!(queue.revents & POLLHUP)) // else it is already shut down: listen(2) would open it again
            ::listen(socket.get(), 0);
    }
    for (auto& queue : self.more_queues_) close_queues(&queue);
}

bool listener::has_stopped_listening() const {
    return std::ranges::any_of(sockets_, [](const unique_fd& socket) {
        int is_listening = 1;
        socklen_t size = sizeof is_listening;
        return getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 &&
               is_listening == 0;
    });
}

void listener::close_in_child() const {
    if (epoll_) ::close(epoll_.get());
    for (const auto& socket : sockets_) ::close(socket.get());
}

void listener::close() {
    epoll_.reset();
    sockets_.clear();
}

std::vector<address> listener::addresses() const {
    std::vector<address> addresses;
    for (const auto& socket : sockets_) addresses.push_back(address::of_socket(socket.get()));
    return addresses;
}

} // namespace parley
