// A connected pair of sockets with the smallest buffers that the kernel allows, and a check for IPv6.
#pragma once

#include "common/check.hpp"
#include "common/net/connection.hpp"

#include <array>
#include <sys/socket.h>

namespace parley {

struct socket_pair {
    connection local;
    connection remote;
};

/// Returns a connected pair. `flags`: SOCK_NONBLOCK, or 0 for blocking calls.
inline socket_pair make_socket_pair(int flags) {
    std::array<int, 2> ends{};
    check("socketpair",
          [&] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, ends.data()); });
    socket_pair pair{connection{unique_fd{ends[0]}}, connection{unique_fd{ends[1]}}};
    const int smallest = 1; // the kernel raises it to its minimum of some kilobytes (socket(7))
    for (const int descriptor : ends)
        for (const int direction : {SO_SNDBUF, SO_RCVBUF})
            check("setsockopt",
                  [&] { return setsockopt(descriptor, SOL_SOCKET, direction, &smallest, sizeof smallest); });
    return pair;
}

inline bool has_ipv6() {
    const unique_fd socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = address::resolve("[::1]:0").front();
    return socket && ::bind(socket.get(), address.data(), address.size()) == 0;
}

} // namespace parley
