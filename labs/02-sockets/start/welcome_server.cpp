// The welcome server: greets a client, then each name that it sends. One client at a time.
//
// A line is a name, and "exit" or the end of input ends the conversation. The handout says what to do in each
// step: scripts/lab handout 2.
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>

using parley::check;
using parley::unique_fd;

namespace {

constexpr int backlog = 8; // clients that the kernel connects while another one is served

/// Returns a socket that listens at a port of 127.0.0.1. With port 0 the kernel chooses one.
unique_fd listen_at(in_port_t port) {
    // Step 1: socket(2), bind(2), listen(2). Step 4: setsockopt(2) before bind(2).
    unique_fd listener{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    throw std::runtime_error("step 1 is missing: nothing listens at port " + std::to_string(port) +
                             " with a backlog of " + std::to_string(backlog));
}

/// Returns the port that a socket is bound to.
in_port_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check("getsockname", [&] { return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

/// Serves one client until it says exit, closes, or is lost.
void serve(int client) {
    // Step 2: send "Welcome!\n". Step 3: receive lines, and reply "Hello, NAME!\n" to each.
    std::fprintf(stderr, "step 2 is missing: the client of descriptor %d gets nothing\n", client);
}

/// Accepts one client after the other.
void serve_all(int listener) {
    // Step 2: accept one client and serve it. Step 4: one after the other, for ever.
    const unique_fd client{
        check("accept", [&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
    serve(client.get());
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
    serve_all(listener.get());
} catch (const std::exception& error) {
    std::fprintf(stderr, "welcome_server: %s\n", error.what());
    return 1;
}
