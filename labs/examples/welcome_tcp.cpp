// Welcome server and client over TCP, at port 9999.
//
//   Python       socket.socket(AF_INET, SOCK_STREAM); bind, listen, accept; connect, send, recv
//   look at      the lines of the server ("Accept new connection...") and of the client ("Welcome!")
//   try          `welcome_tcp server` in one terminal, `welcome_tcp client` in others; a port may follow
//   afterwards   lab 2; server/services/welcome.cpp, server/models/iterative.cpp
#include "common/net/address.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/welcome.hpp"
#include "labs/examples/welcome_options.hpp"

#include <netinet/in.h>
#include <thread>

using namespace parley;

namespace {

address local_address(in_port_t port) {
    sockaddr_in data{};
    data.sin_family = AF_INET;
    data.sin_port = htons(port);                   // in network byte order
    data.sin_addr.s_addr = htonl(INADDR_LOOPBACK); // 127.0.0.1: only programs of this machine can connect
    return {reinterpret_cast<const sockaddr*>(&data), sizeof data};
}

unique_fd new_socket() {
    return unique_fd{check("socket", [] { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
}

/// With port 0 the kernel chooses a free one.
unique_fd listen_at(const address& address) {
    auto listener = new_socket();
    const int yes = 1; // or a server that is started again must wait for old connections in TIME-WAIT, a minute
    check("setsockopt", [&] { return setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); });
    check("bind", address.to_string(), [&] { return bind(listener.get(), address.data(), address.size()); });
    check("listen", [&] { return listen(listener.get(), SOMAXCONN); });
    return listener;
}

void serve_client(int listener) {
    print_line("Waiting for connection...");
    unique_fd client{check("accept", [&] { return accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
    const auto peer = address::of_peer(client.get()).to_string();
    print_line("Accept new connection from {}...", peer);
    greet(line_socket{std::move(client)});
    print_line("Connection from {} closed.", peer);
}

void run_client(const address& server) {
    auto connection = new_socket();
    check("connect", server.to_string(),
          [&] { return connect(connection.get(), server.data(), server.size()); });
    send_names(line_socket{std::move(connection)});
}

} // namespace

int main(int count, char* arguments[]) try {
    const welcome_options options{count, arguments};
    const auto place = local_address(options.port());
    if (options.role == welcome_options::role::client) {
        run_client(place);
        return 0;
    }
    if (options.role == welcome_options::role::server) {
        const auto listener = listen_at(place);
        for (;;) serve_client(listener.get());
    }
    const auto listener = open_near(place, listen_at);
    const std::jthread server{[&] { serve_client(listener.get()); }};
    run_client(address::of_socket(listener.get()));
} catch (const std::exception& error) {
    fmt::print(stderr, "welcome_tcp: {}\n", error.what());
    return 1;
}
