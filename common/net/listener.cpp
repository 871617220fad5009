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
    case ECONNABORTED: // the peer went away before it was accepted
    // Errors of the network that wait on the new socket; accept(2) asks to treat them like EAGAIN.
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

/// Has a server that is gone left this UNIX socket behind? A datagram socket asks: the kernel finds a living
/// server to be of another type (EPROTOTYPE), and this one never stands in its queue, nor waits for room there.
bool is_left_behind(const address& at) {
    struct stat file {};
    if (lstat(at.path().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    const unique_fd probe{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return ::connect(probe.get(), at.data(), at.size()) != 0 && errno == ECONNREFUSED;
}

/// Of two servers that find the same socket left behind, the slower one must not remove what the faster one has
/// bound in its place: so each holds a lock on the folder meanwhile. Others may hold it, too, for their own
/// ends: it is not waited for much longer than a start takes.
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
        if (is_left_behind(at)) ::unlink(at.path().c_str());
    }
    const auto before = umask(0777 & ~mode); // there is no moment at which others could connect
    const int result = ::bind(socket, at.data(), at.size());
    const int error = errno;
    umask(before);
    errno = error;
    if (result != 0) throw_errno("bind", at.to_string());
}

unique_fd open_at(const address& at, const listen_options& options, bool joins) {
    const auto name = at.to_string();
    unique_fd socket{check("socket", name, [&] { return ::socket(at.family(), at.type() | SOCK_CLOEXEC, 0); })};
    const auto set = [&](int level, int option) {
        const int yes = 1;
        check("setsockopt", name, [&] { return setsockopt(socket.get(), level, option, &yes, sizeof yes); });
    };
    if (at.family() == AF_UNIX) {
        bind_unix(socket.get(), at, options.unix_mode);
    } else {
        // Of a stream it lets a server start again at once; of datagrams it would let any user share the port
        // (socket(7)).
        if (at.type() == SOCK_STREAM) set(SOL_SOCKET, SO_REUSEADDR);
        // Inherited, too: a byte that a client calls urgent (tcp(7)) is one like the others, in its place.
        if (at.type() == SOCK_STREAM) set(SOL_SOCKET, SO_OOBINLINE);
        if (at.family() == AF_INET6 && options.v6_only) set(IPPROTO_IPV6, IPV6_V6ONLY);
        if (at.type() == SOCK_STREAM) set(IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it (tcp(7))
        if (joins) set(SOL_SOCKET, SO_REUSEPORT);
        check("bind", name, [&] { return ::bind(socket.get(), at.data(), at.size()); });
        // Only now may others join: before, it would have joined another server by mistake.
        if (options.shared_port) set(SOL_SOCKET, SO_REUSEPORT);
    }
    if (at.type() == SOCK_STREAM)
        check("listen", name, [&] { return ::listen(socket.get(), options.backlog); });
    return socket;
}

} // namespace

unique_fd open_socket(const address& at, const listen_options& options) { return open_at(at, options, false); }

namespace {

/// The errors of an address that the machine does not have: IPv6 is switched off, or the host is another one.
bool is_missing_here(const std::system_error& error) {
    const auto code = error.code().value();
    return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

} // namespace

std::vector<unique_fd> open_sockets(std::span<const address> all, const listen_options& options) {
    constexpr int attempts = 20; // to find a port that is free at all addresses
    for (int attempt = 1;; ++attempt) {
        std::vector<unique_fd> sockets;
        std::exception_ptr missing;
        in_port_t chosen = 0; // by the kernel, for the first
        bool taken = false;
        for (const auto& each : all) {
            const bool follows = each.port() == 0 && chosen != 0;
            try {
                sockets.push_back(open_socket(follows ? each.with_port(chosen) : each, options));
                chosen = address::of_socket(sockets.back().get()).port();
            } catch (const std::system_error& error) {
                taken = follows && error.code().value() == EADDRINUSE && attempt < attempts;
                if (taken) break;
                if (!is_missing_here(error)) throw;
                if (!missing) missing = std::current_exception();
            }
        }
        if (taken) continue;
        if (sockets.empty()) std::rethrow_exception(missing);
        return sockets;
    }
}

listener::listener(std::vector<unique_fd> sockets, socket_ownership ownership)
    : sockets_{std::move(sockets)}, ownership_{ownership} {
    if (sockets_.size() < 2) return;
    set_nonblocking();
    all_ = unique_fd{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    for (const auto& each : sockets_) {
        epoll_event readable{.events = EPOLLIN, .data = {}};
        check("epoll_ctl", [&] { return epoll_ctl(all_.get(), EPOLL_CTL_ADD, each.get(), &readable); });
    }
}

listener::listener(const address& at, const listen_options& options)
    : listener{[&] {
          std::vector<unique_fd> one;
          one.push_back(open_socket(at, options));
          return one;
      }()} {}

/// A queue beside a lent one would lose its clients when we end, while the lent one is served again later.
listener listener::next_queue(const listen_options& options) const {
    std::vector<unique_fd> sockets;
    for (const auto& each : sockets_) {
        const auto has = [&each](int level, int option) {
            int value = 0;
            socklen_t size = sizeof value;
            return getsockopt(each.get(), level, option, &value, &size) == 0 && value != 0;
        };
        auto same = options;
        same.v6_only = has(IPPROTO_IPV6, IPV6_V6ONLY);
        sockets.push_back(
            has(SOL_SOCKET, SO_REUSEPORT) && ownership_ == socket_ownership::owned
                ? open_at(address::of_socket(each.get()), same, true)
                : unique_fd{check("fcntl", [&] { return fcntl(each.get(), F_DUPFD_CLOEXEC, 0); })});
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
        if (auto peer = try_accept(calls::blocking)) return peer;
        if (const auto left = backoff_left()) stop_signal::sleep(*left);
    }
    auto last = accept_pending(calls::blocking);
    if (!last) stop_listening();
    return last;
}

namespace {

int flags_for(listener::calls kind) {
    return SOCK_CLOEXEC | (kind == listener::calls::non_blocking ? SOCK_NONBLOCK : 0);
}

} // namespace

std::optional<connection> listener::accept_pending(calls kind) {
    if (ownership_ == socket_ownership::inherited) return std::nullopt;
    for (int unknown = -1; state_->pending < 0;) state_->pending.compare_exchange_strong(unknown, queued());
    while (state_->pending > 0 && !stop_signal::is_grace_over()) {
        bool anybody = false;
        for (const auto& each : sockets_) {
            pollfd pending{.fd = each.get(), .events = POLLIN, .revents = 0};
            if (poll(&pending, 1, 0) != 1) continue;
            // Another worker may be faster: then this waits, but from a stop on, not for long.
            if (auto peer = accept_from(each.get(), flags_for(kind))) {
                --state_->pending;
                return peer;
            }
            anybody |=
                !(pending.revents & POLLHUP); // else another worker has shut the door: nobody stands there
        }
        if (!anybody) break;
        if (const auto left = backoff_left()) stop_signal::interruptible_sleep(*left);
    }
    return std::nullopt;
}

/// Clients in the kernel's queues (tcp(7) does not say so: of a listening socket, it counts them as
/// unacknowledged). Of UNIX sockets that is not told: then as many as there may be.
int listener::queued() const {
    int sum = 0;
    for (const auto& each : sockets_) {
        tcp_info told{};
        socklen_t size = sizeof told;
        const bool known = getsockopt(each.get(), IPPROTO_TCP, TCP_INFO, &told, &size) == 0;
        sum += known ? static_cast<int>(told.tcpi_unacked) : SOMAXCONN;
    }
    return sum;
}

std::optional<connection> listener::try_accept(calls kind) {
    for (std::size_t tried = 0; tried < sockets_.size(); ++tried) {
        // Of one socket nothing is written: after fork(2) each page written is copied.
        const auto next = sockets_.size() == 1 ? 0 : state_->next++ % sockets_.size();
        if (auto peer = accept_from(sockets_[next].get(), flags_for(kind))) return peer;
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
        if (stop_signal::is_requested()) return; // somebody has shut the door
        if (is_shut()) { // by the parent, which is about to tell this process of the stop
            state_->back_off_until = (steady_clock::now() + accept_backoff).time_since_epoch().count();
            return;
        }
        errno = error;
        throw_errno("accept");
    }
}

void listener::back_off(std::string_view call, int error) {
    state_->back_off_until = (steady_clock::now() + accept_backoff).time_since_epoch().count();
    if (state_->complain())
        log::warn("{}: {}; new clients wait in the kernel's queue", call, std::strerror(error));
}

/// Only TCP sockets inherit it. Lent sockets serve others later.
void listener::set_connection_timeout(std::chrono::milliseconds limit) {
    if (limit.count() <= 0 || ownership_ == socket_ownership::inherited) return;
    for (const auto& socket : sockets_) set_timeouts(socket.get(), limit);
    connection_timeout_ = limit;
    for (auto& queue : more_queues_) queue.set_connection_timeout(limit);
}

void listener::set_nonblocking() {
    for (const auto& each : sockets_) {
        const int flags = check("fcntl", [&] { return fcntl(each.get(), F_GETFL); });
        check("fcntl", [&] { return fcntl(each.get(), F_SETFL, flags | O_NONBLOCK); });
    }
}

std::optional<std::chrono::milliseconds> listener::backoff_left() const {
    const auto until = state_->back_off_until.load(std::memory_order_relaxed);
    if (until == 0) return std::nullopt; // it was never out of breath: no need to look at the clock
    const steady_clock::time_point end{steady_clock::duration{until}};
    const auto left = end - steady_clock::now();
    if (left <= left.zero()) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

void listener::stop_listening() {
    if (getpid() != opener_ || ownership_ == socket_ownership::inherited) return;
    for (const auto& each : sockets_) ::shutdown(each.get(), SHUT_RDWR);
}

/// In a signal handler. With a backlog of 0 the kernel drops the requests to connect of all others while a
/// client waits (the peer asks again, and is refused by then); shut at once, the socket would reset that
/// client.
void listener::close_queues(void* opened) noexcept {
    auto& own = *static_cast<listener*>(opened);
    if (own.ownership_ == socket_ownership::inherited) return;
    for (const auto& each : own.sockets_) {
        pollfd queue{.fd = each.get(), .events = POLLIN, .revents = 0};
        if (poll(&queue, 1, 0) == 0)
            ::shutdown(each.get(), SHUT_RDWR);
        else if (!(queue.revents & POLLHUP)) // else it is shut: listen(2) would open it again
            ::listen(each.get(), 0);
    }
    for (auto& queue : own.more_queues_) close_queues(&queue);
}

/// True if a socket does not listen any more.
bool listener::is_shut() const {
    return std::ranges::any_of(sockets_, [](const unique_fd& each) {
        int listens = 1;
        socklen_t size = sizeof listens;
        return getsockopt(each.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 0;
    });
}

void listener::close_in_child() const {
    if (all_) ::close(all_.get());
    for (const auto& socket : sockets_) ::close(socket.get());
}

void listener::close() {
    all_.reset();
    sockets_.clear();
}

std::vector<address> listener::addresses() const {
    std::vector<address> all;
    for (const auto& each : sockets_) all.push_back(address::of_socket(each.get()));
    return all;
}

} // namespace parley
