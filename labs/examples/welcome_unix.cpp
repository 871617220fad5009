// Welcome server and client over a UNIX socket, at a path instead of a port.
//
//   Python       socket.socket(AF_UNIX, SOCK_STREAM); bind(path), listen, accept; connect(path), send, recv
//   look at      the conversation is that of TCP, but the server learns which process and which user connects
//   try          `welcome_unix server` in one terminal; `ls -l /tmp` and `welcome_unix client` in another
//   afterwards   lab 2; unix(7); `parley-server --listen unix:PATH`
#include "common/net/address.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"
#include "labs/examples/welcome.hpp"
#include "labs/examples/welcome_options.hpp"

#include <filesystem>
#include <thread>

using namespace parley;

namespace {

unique_fd new_socket() {
    return unique_fd{check("socket", [] { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
}

/// Creates the file of the socket. It stays when the socket is closed, until it is removed.
unique_fd listen_at(const address& address) {
    if (std::filesystem::exists(address.path()))
        throw std::runtime_error(address.path() + " exists; if no server uses it, remove it");
    auto listener = new_socket();
    check("bind", address.to_string(), [&] { return bind(listener.get(), address.data(), address.size()); });
    check("listen", [&] { return listen(listener.get(), SOMAXCONN); });
    return listener;
}

void serve_client(int listener) {
    print_line("Waiting for connection...");
    unique_fd client{check("accept", [&] { return accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
    ucred peer{};
    socklen_t size = sizeof peer;
    check("getsockopt", [&] { return getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size); });
    print_line("Accept new connection from process {} of user {}...", peer.pid, peer.uid);
    greet(line_socket{std::move(client)});
    print_line("Connection from process {} closed.", peer.pid);
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
    if (options.role == welcome_options::role::both) {
        const temporary_folder folder;
        const auto place = address::resolve("unix:welcome.sock").front();
        const auto listener = listen_at(place);
        const std::jthread server{[&] { serve_client(listener.get()); }};
        run_client(place);
        return 0;
    }
    const auto place = address::resolve("unix:" + options.place.value_or("/tmp/welcome.sock")).front();
    if (options.role == welcome_options::role::client) {
        run_client(place);
        return 0;
    }
    const auto listener = listen_at(place);
    for (;;) serve_client(listener.get());
} catch (const std::exception& error) {
    fmt::print(stderr, "welcome_unix: {}\n", error.what());
    return 1;
}
