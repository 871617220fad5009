// The welcome server of lab 2, as functions: a listening socket, and one client from the welcome to its end. It
// is complete; the task is in thread_server.cpp.
#pragma once

#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

/// Returns a socket that listens at a port of 127.0.0.1. With port 0 the kernel chooses one.
inline parley::unique_fd listen_at(in_port_t port) {
    using parley::check;
    parley::unique_fd listener{
        check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    const int yes = 1;
    check("setsockopt", [&] { return setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); });
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check("bind", "127.0.0.1:" + std::to_string(port),
          [&] { return ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); });
    check("listen", [&] { return ::listen(listener.get(), SOMAXCONN); });
    return listener;
}

inline in_port_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    parley::check("getsockname",
                  [&] { return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

/// Sends all bytes. Returns false if the client is gone.
inline bool send_all(int client, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

/// Sends the welcome, and greets each name until the client says exit, closes, or is lost.
inline void serve(int client, const std::string& welcome) {
    if (!send_all(client, welcome)) return;
    std::string input;
    for (;;) {
        for (std::size_t end; (end = input.find('\n')) != input.npos;) {
            const auto name = input.substr(0, end);
            input.erase(0, end + 1);
            if (name == "exit" || !send_all(client, "Hello, " + name + "!\n")) return;
        }
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || input.size() > 64 * 1024) return;
        input.append(buffer, static_cast<std::size_t>(count));
    }
}
