// The conversation of the welcome server and its client, over any connected stream socket. A stream has no
// messages: one recv(2) may return half a line or three lines. So each message ends with a newline. Included by
// welcome_tcp.cpp and welcome_unix.cpp.
#pragma once

#include "common/check.hpp"
#include "common/unique_fd.hpp"
#include "labs/examples/print_line.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace parley {

/// A connected socket that reads and writes lines.
class line_socket {
public:
    explicit line_socket(unique_fd socket) : socket_{std::move(socket)} {}

    /// Returns the next line without its newline, or nullopt at the end of input.
    std::optional<std::string> read_line() {
        std::size_t end = 0;
        while ((end = input_.find('\n')) == input_.npos) {
            char buffer[1024];
            const auto count = check("recv", [&] { return recv(socket_.get(), buffer, sizeof buffer, 0); });
            if (count == 0) return std::nullopt;
            input_.append(buffer, static_cast<std::size_t>(count));
        }
        auto line = input_.substr(0, end);
        input_.erase(0, end + 1);
        return line;
    }

    /// Sends the line and a newline: all bytes, although one send(2) may take only some of them.
    void write_line(std::string line) {
        line += '\n';
        for (std::string_view rest = line; !rest.empty();)
            rest.remove_prefix(static_cast<std::size_t>(
                check("send", [&] { return send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL); })));
    }

private:
    unique_fd socket_;
    std::string input_; // received, but not yet returned
};

/// The server's side: greets the client, then each name that it sends, until "exit" or the end of input.
inline void greet(line_socket client) try {
    client.write_line("Welcome!");
    while (const auto name = client.read_line()) {
        if (*name == "exit") return;
        client.write_line("Hello, " + *name + "!");
    }
} catch (const std::system_error& error) {
    print_line("{}", error.what()); // a client that is lost must not end the server
}

/// The client's side: sends names, and prints each reply.
inline void send_names(line_socket server) {
    const auto print_reply = [&] {
        const auto line = server.read_line();
        if (!line) throw std::runtime_error("the server closed the connection before its reply");
        print_line("{}", *line);
    };
    print_reply();
    for (const auto* name : {"Michael", "Tracy", "Sarah"}) {
        server.write_line(name);
        print_reply();
    }
    server.write_line("exit");
}

} // namespace parley
