// Tests of the model datagram: replies are whole, leave from the requested address, and never go to a forged
// source that would reply again.
#include "common/check.hpp"
#include "common/process/running_server.hpp"
#include "tests/support/test_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace parley {

namespace {

/// A parley-server with the model datagram and the service echo.
class echo_server {
public:
    explicit echo_server(const std::string& listen)
        : server_{
              PARLEY_SERVER, {"--model", "datagram", "--service", "echo"}, subprocess::errors::kept, listen} {}

    [[nodiscard]] in_port_t port() const { return static_cast<in_port_t>(server_.endpoint().port()); }
    [[nodiscard]] std::string end() { return server_.stop().end.to_string(); }

private:
    running_server server_;
};

sockaddr_in ipv4(const char* host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

unique_fd socket_of(int family) {
    return unique_fd{check("socket", [&] { return ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
}

template <class Address>
const sockaddr* generic(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Returns the size of the reply, or a negative number if none arrives.
template <class Address>
ssize_t ask(int socket, const Address& address, const std::string& text) {
    const auto sent = sendto(socket, text.data(), text.size(), 0, generic(address), sizeof address);
    REQUIRE(sent == static_cast<ssize_t>(text.size()));
    const timeval limit{.tv_sec = time_limit.count() / 1000, .tv_usec = 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    static std::array<char, 70'000> answer;
    return recv(socket, answer.data(), answer.size(), 0);
}

bool has_answer(int socket) {
    char byte = 0;
    return recv(socket, &byte, 1, MSG_DONTWAIT) >= 0;
}

} // namespace

TEST_CASE("a reply leaves from the address that was asked, also if the server listens at all of them") {
    echo_server server{"udp:0.0.0.0:0"};
    for (const auto* host : {"127.0.0.1", "127.0.0.7"}) {
        const auto client = socket_of(AF_INET);
        const auto address = ipv4(host, server.port());
        // Receives from this address only.
        REQUIRE(connect(client.get(), generic(address), sizeof address) == 0);
        CHECK(ask(client.get(), address, "hello") == 5);
    }
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("a source that would take the reply for a request gets none") {
    echo_server server{"udp:127.0.0.1:0"};
    const auto address = ipv4("127.0.0.1", server.port());
    std::vector<int> ports{server.port()}; // as if another server, or this one, had sent it
    if (geteuid() == 0) ports.push_back(1019);
    for (const int port : ports) {
        const auto forged_client = socket_of(AF_INET), client = socket_of(AF_INET);
        const auto source = ipv4("127.0.0.8", port);
        if (bind(forged_client.get(), generic(source), sizeof source) != 0)
            continue; // another program uses the port
        REQUIRE(sendto(forged_client.get(), "x", 1, 0, generic(address), sizeof address) == 1);
        // The reply shows that the server has handled the forged datagram before.
        CHECK(ask(client.get(), address, "yz") == 2);
        CHECK_FALSE(has_answer(forged_client.get()));
    }
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("no other socket can share the port of a server of datagrams") {
    echo_server server{"udp:127.0.0.1:0"};
    const auto second_socket = socket_of(AF_INET);
    const int on = 1;
    setsockopt(second_socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto address = ipv4("127.0.0.1", server.port());
    CHECK(bind(second_socket.get(), generic(address), sizeof address) == -1);
    CHECK(errno == EADDRINUSE);
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("a datagram is answered whole, however large") {
    echo_server server{"udp:127.0.0.1:0"};
    const auto client = socket_of(AF_INET);
    for (const std::size_t size : {0, 1, 65'507})
        CHECK(ask(client.get(), ipv4("127.0.0.1", server.port()), std::string(size, 'x')) ==
              static_cast<ssize_t>(size));
    CHECK(server.end() == "exit code 0");

    const auto ipv6_client = socket_of(AF_INET6);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    if (bind(ipv6_client.get(), generic(address), sizeof address) != 0) return; // this machine has no IPv6
    echo_server ipv6_server{"udp:[::1]:0"};
    address.sin6_port = htons(ipv6_server.port());
    for (const std::size_t size : {0, 65'508, 65'527})
        CHECK(ask(ipv6_client.get(), address, std::string(size, 'x')) == static_cast<ssize_t>(size));
    CHECK(ipv6_server.end() == "exit code 0");
}

TEST_CASE("datagrams that come together are all answered") {
    echo_server server{"udp:127.0.0.1:0"};
    const auto client = socket_of(AF_INET);
    const auto address = ipv4("127.0.0.1", server.port());
    constexpr int count = 100;
    for (int i = 1; i != count; ++i)
        REQUIRE(sendto(client.get(), "x", 1, 0, generic(address), sizeof address) == 1);
    CHECK(ask(client.get(), address, "x") == 1);
    for (int i = 1; i != count; ++i) {
        char byte = 0;
        CHECK(recv(client.get(), &byte, 1, 0) == 1);
    }
    CHECK(server.end() == "exit code 0");
}

} // namespace parley
