// How a server starts and stops: its port, SIGTERM with and without clients, and what it leaves behind.
#include "client/check/check_table.hpp"

#include <array>
#include <csignal>
#include <fmt/format.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds stop_limit{10}; // a grace period for clients is usual; ten seconds are long

void stop_and_expect_end(examination& examination) {
    auto& server = examination.server();
    examination.step("sent SIGTERM");
    server.signal(SIGTERM);
    const auto ended = server.wait(stop_limit);
    examination.expect(ended.has_value(), fmt::format("it still runs {} s after SIGTERM", stop_limit.count()));
    examination.step(fmt::format("the server ended: {}", ended->to_string()));
}

/// What a server has left: processes, and its port.
void expect_nothing_left(examination& examination, std::uint16_t port) {
    examination.expect(
        examination.eventually([&] { return !examined_server::is_listening(port); }, milliseconds{1000}),
        fmt::format("port {} still listens after the server's end: a child has the socket", port),
        "child-keeps-listener");
}

void stops(examination& examination) {
    const auto port = examination.server().port();
    {
        auto client = examination.connect();
        if (examination.profile().takes_requests) examination.exchange(client);
    }
    stop_and_expect_end(examination);
    expect_nothing_left(examination, port);
    examination.end_server();
}

void stops_with_clients(examination& examination) {
    const auto port = examination.server().port();
    auto client = examination.connect();
    examination.exchange(client);
    stop_and_expect_end(examination);
    expect_nothing_left(examination, port);
    examination.end_server();
}

/// The server closes first, so that its side of the connection stays in TIME-WAIT.
void starts_again(examination& examination) {
    const auto port = examination.server().port();
    auto client = examination.connect();
    if (examination.profile().takes_requests) {
        examination.exchange(client);
        examination.step("killed the server while a client is connected");
        examination.server().signal(SIGKILL);
        examination.server().wait(stop_limit);
    } else {
        client.receive_all();
    }
    client.close();
    examination.end_server();
    // io_uring(7) closes the sockets of a killed process some time later.
    examination.eventually([&] { return !examined_server::is_listening(port); });
    try {
        examination.start({.port = port});
    } catch (const check_ended& ended) {
        throw check_ended{verdict::failed, ended.text, "reuse-address"};
    }
    auto again = examination.connect();
    if (examination.profile().takes_requests) examination.exchange(again);
}

constexpr std::array<server_check, 3> stop_table{{
    {"starts-again", "the server can start again at once at the same port", level::quick, "reuse-address",
     starts_again, nullptr, true},
    {"stops", "SIGTERM ends the server, its children and its port", level::quick, "does-not-stop", stops,
     nullptr, true},
    {"stops-with-clients", "SIGTERM ends the server although a client is connected", level::quick,
     "does-not-stop", stops_with_clients, takes_requests, true},
}};

} // namespace

std::span<const server_check> stop_checks() { return stop_table; }

} // namespace parley
