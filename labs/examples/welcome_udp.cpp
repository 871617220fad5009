// Welcome server and client over UDP, at port 9999.
//
//   Python       socket.socket(AF_INET, SOCK_DGRAM); bind; recvfrom, sendto
//   look at      no listen, no accept, no connection: each datagram names its sender, and is a whole message
//   try          `welcome_udp client` without a server: sendto succeeds, and no reply comes
//   afterwards   lab 2; udp(7); server/models/datagram.cpp
#include "common/check.hpp"
#include "common/net/address.hpp"
#include "common/net/connection.hpp"
#include "common/unique_fd.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/welcome_options.hpp"

#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

using namespace parley;
using namespace std::chrono_literals;

namespace {

unique_fd new_socket() {
    return unique_fd{check("socket", [] { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
}

unique_fd bind_to(const address& address) {
    auto socket = new_socket();
    check("bind", address.to_string(), [&] { return bind(socket.get(), address.data(), address.size()); });
    print_line("Bind UDP on {}...", address::of_socket(socket.get()).to_string());
    return socket;
}

void send_to(int socket, const address& receiver, std::string_view message) {
    check("sendto", receiver.to_string(),
          [&] { return sendto(socket, message.data(), message.size(), 0, receiver.data(), receiver.size()); });
}

struct datagram {
    std::string text;
    address sender;
};

/// Waits for a datagram. Returns nullopt if none comes within the timeout of the socket.
std::optional<datagram> receive_from(int socket) {
    char buffer[1024]; // what does not fit is lost
    sockaddr_storage sender{};
    socklen_t size = sizeof sender;
    auto* const data = reinterpret_cast<sockaddr*>(&sender);
    const auto count = recvfrom(socket, buffer, sizeof buffer, 0, data, &size);
    if (count == -1 && errno == EAGAIN) return std::nullopt;
    if (count == -1) throw_errno("recvfrom");
    return datagram{std::string(buffer, static_cast<std::size_t>(count)), address{data, size, SOCK_DGRAM}};
}

void serve_one(int socket) {
    const auto request = receive_from(socket);
    if (!request) return;
    print_line("Received from {}.", request->sender.to_string());
    send_to(socket, request->sender, "Hello, " + request->text + "!");
}

/// Calls `serve()` between a request and its reply.
void run_client(const address& server, const std::function<void()>& serve) {
    const auto socket = new_socket();
    set_timeouts(socket.get(), 1s); // a datagram may be lost, and then no reply comes
    for (const auto* name : {"Michael", "Tracy", "Sarah"}) {
        send_to(socket.get(), server, name);
        serve();
        const auto reply = receive_from(socket.get());
        print_line("{}", reply ? reply->text : "No reply within a second: the request or the reply is lost.");
    }
}

} // namespace

int main(int count, char* arguments[]) try {
    const welcome_options options{count, arguments};
    const auto place = address::resolve(fmt::format("udp:127.0.0.1:{}", options.port())).front();
    if (options.role == welcome_options::role::client) {
        run_client(place, [] {});
        return 0;
    }
    if (options.role == welcome_options::role::server) {
        const auto socket = bind_to(place);
        for (;;) serve_one(socket.get());
    }
    const auto socket = open_near(place, bind_to);
    set_timeouts(socket.get(), 1s);
    // One thread is enough: a datagram waits in the buffer of its socket.
    run_client(address::of_socket(socket.get()), [&] { serve_one(socket.get()); });
} catch (const std::exception& error) {
    fmt::print(stderr, "welcome_udp: {}\n", error.what());
    return 1;
}
