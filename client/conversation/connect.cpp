#include "client/conversation/connect.hpp"

#include "client/conversation/poll_until.hpp"
#include "common/check.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <stdexcept>

namespace parley {

namespace {

[[noreturn]] void throw_connect(int reason, const address& to) {
    errno = reason;
    throw_errno("connect", to.to_string());
}

} // namespace

unique_fd begin_connecting(const address& to, const address* from) {
    if (to.type() != SOCK_STREAM)
        throw std::invalid_argument(
            fmt::format("{} takes datagrams, and a conversation needs a stream", to.to_string()));
    unique_fd made{
        check("socket", [&] { return socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); })};
    if (to.family() != AF_UNIX) {
        const int yes = 1; // a request is not held back until the one before was acknowledged (tcp(7))
        check("setsockopt", [&] { return setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); });
    }
    if (from) {
        const int yes = 1;
        check("setsockopt",
              [&] { return setsockopt(made.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes); });
        check("bind", from->to_string(), [&] { return bind(made.get(), from->data(), from->size()); });
    }
    if (connect(made.get(), to.data(), to.size()) < 0 && errno != EINPROGRESS) throw_connect(errno, to);
    return made;
}

void end_connecting(const unique_fd& socket, const address& to) {
    int reason = 0;
    socklen_t size = sizeof reason;
    check("getsockopt", [&] { return getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &reason, &size); });
    if (reason != 0) throw_connect(reason, to);
}

failure late_to_connect(const address& to, std::chrono::milliseconds limit) {
    return {phase::connect, "connect", "ETIMEDOUT",
            fmt::format("connect {}: no answer within {} ms", to.to_string(), limit.count())};
}

connection connect_to(std::span<const address> all, std::chrono::milliseconds limit) {
    for (std::size_t each = 0;; ++each) {
        try {
            auto socket = begin_connecting(all[each]);
            pollfd watched{.fd = socket.get(), .events = POLLOUT, .revents = 0};
            if (!poll_until(std::chrono::steady_clock::now() + limit, {&watched, 1}))
                throw conversation_failed{late_to_connect(all[each], limit)};
            end_connecting(socket, all[each]);
            return connection{std::move(socket), all[each]};
        } catch (const std::runtime_error&) {
            if (each + 1 == all.size()) throw;
        }
    }
}

} // namespace parley
