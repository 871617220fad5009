// The welcome server: greets a client, then each name that it sends. One client at a time.
//
// A line is a name, and "exit" or the end of input ends the conversation. TCP is a stream of bytes: one recv(2)
// may return half a name, or three names. See socket(7), ip(7), tcp(7).
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

using parley::check;
using parley::unique_fd;

namespace {

constexpr int backlog = 8;                  // clients that the kernel connects while another one is served
constexpr std::size_t max_name = 64 * 1024; // or a client that sends no newline would fill the memory

/// Returns a socket that listens at a port of 127.0.0.1. With port 0 the kernel chooses one.
unique_fd listen_at(in_port_t port) {
    unique_fd listener{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    // Without it, bind(2) fails as long as an old connection of this port is in TIME-WAIT: for a minute.
    const int yes = 1;
    check("setsockopt", [&] { return setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); });
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check("bind", "127.0.0.1:" + std::to_string(port),
          [&] { return ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); });
    check("listen", [&] { return ::listen(listener.get(), backlog); });
    return listener;
}

/// Returns the port that a socket is bound to.
in_port_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check("getsockname", [&] { return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

/// Sends all bytes. Returns false if the client is gone.
bool send_all(int client, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool greet(int client, const std::string& name) { return send_all(client, "Hello, " + name + "!\n"); }

/// Serves one client until it says exit, closes, or is lost.
void serve(int client) {
    if (!send_all(client, "Welcome!\n")) return;
    std::string input; // received, but not yet a line
    for (;;) {
        for (std::size_t end; (end = input.find('\n')) != input.npos;) {
            const auto name = input.substr(0, end);
            input.erase(0, end + 1);
            if (name == "exit" || !greet(client, name)) return;
        }
        if (input.size() > max_name) return;
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;
        if (count == 0) break;
        input.append(buffer, static_cast<std::size_t>(count));
    }
    if (!input.empty()) greet(client, input); // the last name may have no newline
}

/// Accepts one client after the other.
void serve_all(int listener) {
    for (;;) {
        const unique_fd client{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
        if (client)
            serve(client.get());
        else if (errno != EINTR && errno != ECONNABORTED)
            parley::throw_errno("accept");
    }
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view text = argument_count == 2 ? arguments[1] : "";
    in_port_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) {
        std::fprintf(stderr, "usage: welcome_server PORT    (0 to 65535; with 0 the kernel chooses one)\n");
        return 2;
    }
    const auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout); // or the line waits in a buffer if stdout is a file or a pipe
    serve_all(listener.get());
} catch (const std::exception& error) {
    std::fprintf(stderr, "welcome_server: %s\n", error.what());
    return 1;
}
