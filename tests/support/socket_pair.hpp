// Two connected sockets in one process, with buffers as small as the kernel allows; and whether this machine
// has IPv6 at all.
#pragma once

#include "common/check.hpp"
#include "common/net/connection.hpp"

#include <array>
#include <sys/socket.h>

namespace parley {

struct socket_pair {
    connection ours;
    connection theirs;
};

/// `flags`: SOCK_NONBLOCK, or 0 where calls shall wait.
inline socket_pair make_socket_pair(int flags) {
    std::array<int, 2> ends{};
    check("socketpair",
          [&] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, ends.data()); });
    socket_pair made{connection{unique_fd{ends[0]}}, connection{unique_fd{ends[1]}}};
    const int smallest = 1; // the kernel makes it some kilobytes (socket(7))
    for (const int each : ends)
        for (const int direction : {SO_SNDBUF, SO_RCVBUF})
            check("setsockopt",
                  [&] { return setsockopt(each, SOL_SOCKET, direction, &smallest, sizeof smallest); });
    return made;
}

inline bool has_ipv6() {
    const unique_fd socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto at = address::resolve("[::1]:0").front();
    return socket && ::bind(socket.get(), at.data(), at.size()) == 0;
}

} // namespace parley
