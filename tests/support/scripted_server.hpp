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
inline unique_fd listening_at(const std::string& door, int backlog = SOMAXCONN) {
    unique_fd socket{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    const auto here = address::resolve(door).front();
    check("bind", [&] { return bind(socket.get(), here.data(), here.size()); });
    check("listen", [&] { return listen(socket.get(), backlog); });
    return socket;
}

class scripted_server {
public:
    /// What the server does with a connection, whose calls wait; `number` counts them from 1. The connection is
    /// closed when it returns. Each connection has a thread.
    using manners = std::function<void(connection& wire, int number)>;

    explicit scripted_server(manners behave, const std::string& door = own_door())
        : behave_{std::move(behave)}, door_{listening_at(door)}, where_{address::of(door_.get())} {
        doorman_ = std::jthread{[this] { accept_all(); }};
    }

    /// Waits until the clients have left.
    ~scripted_server() { ::shutdown(door_.get(), SHUT_RD); }

    [[nodiscard]] const address& where() const { return where_; }

private:
    void accept_all() {
        for (int number = 1;; ++number) {
            unique_fd socket{accept4(door_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!socket) return;
            guests_.emplace_back([this, number, wire = connection{std::move(socket)}]() mutable {
                try {
                    behave_(wire, number);
                } catch (const std::system_error&) { // the client has gone
                }
            });
        }
    }

    manners behave_;
    unique_fd door_;
    address where_;
    std::list<std::jthread> guests_;
    std::jthread doorman_; // ends first: nobody adds a guest any more
};

/// Reads and throws away until the client's end.
inline void hear_out(connection& wire) {
    input_area area;
    while (!wire.read_some(area).value_or("x").empty()) {
    }
}

/// Sends all of it.
inline void say(connection& wire, std::string_view text) {
    while (!text.empty()) text.remove_prefix(wire.write_some(text));
}

/// Sends back what comes, until the client's end; `spoil` may change each piece before.
inline void echo(
    connection& wire, const std::function<void(std::string& piece)>& spoil = [](std::string&) {}) {
    input_area area;
    for (;;) {
        std::string piece{wire.read_some(area).value_or("")};
        if (piece.empty()) return;
        spoil(piece);
        say(wire, piece);
    }
}

/// Makes the end of the connection a reset (SO_LINGER, socket(7)).
inline void end_with_reset(connection& wire) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    check("setsockopt",
          [&] { return setsockopt(wire.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); });
}

} // namespace parley
