#include "client/conversation/connect.hpp"

#include "client/conversation/poll_until.hpp"
#include "common/check.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <stdexcept>

namespace parley {

namespace {

[[noreturn]] void throw_connect(int error, const address& address) {
    errno = error;
    throw_errno("connect", address.to_string());
}

} // namespace

unique_fd begin_connecting(const address& address, const parley::address* source) {
    if (address.type() != SOCK_STREAM)
        throw std::invalid_argument(
            fmt::format("{} is a datagram address: use a stream address", address.to_string()));
    unique_fd socket{check(
        "socket", [&] { return ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); })};
    if (address.family() != AF_UNIX) {
        const int yes =
            1; // Nagle's algorithm would hold a request back until the one before is acknowledged (tcp(7))
        check("setsockopt",
              [&] { return setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); });
    }
    if (source) {
        const int yes = 1;
        check("setsockopt",
              [&] { return setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes); });
        check("bind", source->to_string(), [&] { return bind(socket.get(), source->data(), source->size()); });
    }
    if (connect(socket.get(), address.data(), address.size()) < 0 && errno != EINPROGRESS)
        throw_connect(errno, address);
    return socket;
}

void end_connecting(const unique_fd& socket, const address& address) {
    int error = 0;
    socklen_t size = sizeof error;
    check("getsockopt", [&] { return getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size); });
    if (error != 0) throw_connect(error, address);
}

failure late_to_connect(const address& address, std::chrono::milliseconds limit) {
    return {phase::connect, "connect", "ETIMEDOUT",
            fmt::format("connect {}: no reply within {} ms", address.to_string(), limit.count())};
}

connection connect_to(std::span<const address> addresses, std::chrono::milliseconds limit) {
    for (std::size_t i = 0;; ++i) {
        try {
            auto socket = begin_connecting(addresses[i]);
            pollfd entry{.fd = socket.get(), .events = POLLOUT, .revents = 0};
            if (!poll_until(std::chrono::steady_clock::now() + limit, {&entry, 1}))
                throw conversation_failed{late_to_connect(addresses[i], limit)};
            end_connecting(socket, addresses[i]);
            return connection{std::move(socket), addresses[i]};
        } catch (const std::runtime_error&) {
            if (i + 1 == addresses.size()) throw;
        }
    }
}

} // namespace parley
