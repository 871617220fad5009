// A server in this process whose manners are a function: for clients that must cope with bad ones.
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

/// A socket that listens there. Its queue has room for one more than `backlog`; the first segments of further
/// clients are dropped (listen(2)).
inline unique_fd listening_at(const std::string& endpoint, int backlog = SOMAXCONN) {
    unique_fd socket{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    const auto here = address::resolve(endpoint).front();
    check("bind", [&] { return bind(socket.get(), here.data(), here.size()); });
    check("listen", [&] { return listen(socket.get(), backlog); });
    return socket;
}

class scripted_server {
public:
    /// What the server does with a connection, whose calls wait; `number` counts them from 1. The connection is
    /// closed when it returns. Each connection has a thread.
    using manners = std::function<void(connection& connection, int number)>;

    explicit scripted_server(manners behave, const std::string& endpoint = own_door())
        : behave_{std::move(behave)},
          endpoint_{listening_at(endpoint)},
          where_{address::of_socket(endpoint_.get())} {
        acceptor_ = std::jthread{[this] { accept_all(); }};
    }

    /// Waits until the clients have left.
    ~scripted_server() { ::shutdown(endpoint_.get(), SHUT_RD); }

    [[nodiscard]] const address& where() const { return where_; }

private:
    void accept_all() {
        for (int number = 1;; ++number) {
            unique_fd socket{accept4(endpoint_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!socket) return;
            guests_.emplace_back([this, number, connection = connection{std::move(socket)}]() mutable {
                try {
                    behave_(connection, number);
                } catch (const std::system_error&) { // the client has gone
                }
            });
        }
    }

    manners behave_;
    unique_fd endpoint_;
    address where_;
    std::list<std::jthread> guests_;
    std::jthread acceptor_; // ends first: nobody adds a guest any more
};

/// Reads and throws away until the client's end.
inline void hear_out(connection& connection) {
    read_buffer area;
    while (!connection.read_some(area).value_or("x").empty()) {
    }
}

/// Sends all of it.
inline void say(connection& connection, std::string_view text) {
    while (!text.empty()) text.remove_prefix(connection.write_some(text));
}

/// Sends back what comes, until the client's end; `spoil` may change each piece before.
inline void echo(
    connection& connection, const std::function<void(std::string& piece)>& spoil = [](std::string&) {}) {
    read_buffer area;
    for (;;) {
        std::string piece{connection.read_some(area).value_or("")};
        if (piece.empty()) return;
        spoil(piece);
        say(connection, piece);
    }
}

/// Makes the end of the connection a reset (SO_LINGER, socket(7)).
inline void end_with_reset(connection& connection) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    check("setsockopt",
          [&] { return setsockopt(connection.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); });
}

} // namespace parley
