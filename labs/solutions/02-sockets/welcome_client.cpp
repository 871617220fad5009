// The client of the welcome server: sends names, one after the other, and prints each line that it receives.
// See connect(2), recv(2).
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

unique_fd connect_to(in_port_t port) {
    unique_fd server{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check("connect", "127.0.0.1:" + std::to_string(port),
          [&] { return ::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); });
    return server;
}

/// Sends all bytes. Throws std::system_error if the server is gone.
void send_all(int server, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count =
            check("send", [&] { return ::send(server, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Receives the next line, and prints it. `input` holds what has been received after the line before.
void print_line(int server, std::string& input) {
    std::size_t end;
    while ((end = input.find('\n')) == input.npos) {
        char buffer[4096];
        const auto count = check("recv", [&] { return ::recv(server, buffer, sizeof buffer, 0); });
        if (count == 0)
            throw std::runtime_error("the server closed the connection before its reply was complete");
        input.append(buffer, static_cast<std::size_t>(count));
    }
    std::printf("%s\n", input.substr(0, end).c_str());
    input.erase(0, end + 1);
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view text = argument_count >= 2 ? arguments[1] : "";
    in_port_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        std::fprintf(stderr, "usage: welcome_client PORT [NAME...]    (PORT from 1 to 65535)\n");
        return 2;
    }
    const auto server = connect_to(port);
    std::string input;
    print_line(server.get(), input);
    for (int i = 2; i < argument_count; ++i) {
        send_all(server.get(), std::string{arguments[i]} + '\n');
        print_line(server.get(), input);
    }
    send_all(server.get(), "exit\n");
} catch (const std::exception& error) {
    std::fprintf(stderr, "welcome_client: %s\n", error.what());
    return 1;
}
