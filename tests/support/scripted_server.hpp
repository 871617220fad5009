// A TCP server in this process whose behaviour is a function: tests how clients handle misbehaving servers.
#pragma once

#include "common/check.hpp"
#include "common/net/connection.hpp"
#include "tests/support/own_loopback.hpp"

#include <functional>
#include <list>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <thread>

namespace parley {

/// Returns a socket that listens at `endpoint`. Its queue holds one connection more than `backlog`; the
/// kernel drops the first segments of further clients (listen(2)).
inline unique_fd listening_socket(const std::string& endpoint, int backlog = SOMAXCONN) {
    unique_fd socket{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    const auto address = address::resolve(endpoint).front();
    check("bind", [&] { return bind(socket.get(), address.data(), address.size()); });
    check("listen", [&] { return listen(socket.get(), backlog); });
    return socket;
}

class scripted_server {
public:
    /// What the server does with a connection, whose calls block. Connections are numbered from 1. Each has a
    /// thread; the connection is closed when the function returns.
    using behaviour = std::function<void(connection& connection, int number)>;

    explicit scripted_server(behaviour behave, const std::string& endpoint = own_endpoint())
        : behaviour_{std::move(behave)},
          endpoint_{listening_socket(endpoint)},
          address_{address::of_socket(endpoint_.get())} {
        acceptor_ = std::jthread{[this] { accept_all(); }};
    }

    /// Waits until all clients have closed their connections.
    ~scripted_server() { ::shutdown(endpoint_.get(), SHUT_RD); }

    [[nodiscard]] const address& endpoint() const { return address_; }

private:
    void accept_all() {
        for (int number = 1;; ++number) {
            unique_fd socket{accept4(endpoint_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!socket) return;
            clients_.emplace_back([this, number, connection = connection{std::move(socket)}]() mutable {
                try {
                    behaviour_(connection, number);
                } catch (const std::system_error&) { // the client has closed the connection
                }
            });
        }
    }

    behaviour behaviour_;
    unique_fd endpoint_;
    address address_;
    std::list<std::jthread> clients_;
    std::jthread acceptor_; // the last member, so joined first: no thread is added to `clients_` any more
};

/// Reads and discards until end of input.
inline void read_until_eof(connection& connection) {
    read_buffer buffer;
    while (!connection.read_some(buffer).value_or("x").empty()) {
    }
}

/// Writes the whole text.
inline void write_all(connection& connection, std::string_view text) {
    while (!text.empty()) text.remove_prefix(connection.write_some(text));
}

/// Sends all input back until its end; `corrupt` may change each chunk before.
inline void echo(
    connection& connection, const std::function<void(std::string& chunk)>& corrupt = [](std::string&) {}) {
    read_buffer buffer;
    for (;;) {
        std::string chunk{connection.read_some(buffer).value_or("")};
        if (chunk.empty()) return;
        corrupt(chunk);
        write_all(connection, chunk);
    }
}

/// Makes close(2) send a reset (SO_LINGER with time 0, socket(7)).
inline void reset_on_close(connection& connection) {
    const linger no_linger{.l_onoff = 1, .l_linger = 0};
    check("setsockopt", [&] {
        return setsockopt(connection.descriptor(), SOL_SOCKET, SO_LINGER, &no_linger, sizeof no_linger);
    });
}

} // namespace parley
