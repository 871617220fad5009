// A server that answers slowly, for the examples that fetch: a coroutine per client on one Asio loop, in a
// thread of its own. The request is a line, the number of milliseconds to wait; the reply is a line too. The
// service `wait` of parley-server does the same.
#pragma once

#include "common/concurrency/named_thread.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <string>

namespace parley {

class slow_server {
public:
    slow_server() = default;
    slow_server(slow_server&&) = delete;
    ~slow_server() { io_context_.stop(); }

    /// Returns the address to connect to: a free port of 127.0.0.1.
    [[nodiscard]] asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    using socket = asio::ip::tcp::socket;

    void run() {
        asio::co_spawn(io_context_, accept(), asio::detached);
        io_context_.run();
    }

    asio::awaitable<void> accept() {
        for (;;) {
            auto client = co_await acceptor_.async_accept(asio::use_awaitable);
            asio::co_spawn(io_context_, serve(std::move(client)), asio::detached);
        }
    }

    static asio::awaitable<void> serve(socket client) {
        std::string line;
        co_await asio::async_read_until(client, asio::dynamic_buffer(line), '\n', asio::use_awaitable);
        asio::steady_timer timer{client.get_executor(), std::chrono::milliseconds{std::stoi(line)}};
        co_await timer.async_wait(asio::use_awaitable);
        const auto reply = "waited " + std::to_string(std::stoi(line)) + " ms\n";
        co_await asio::async_write(client, asio::buffer(reply), asio::use_awaitable);
    }

    asio::io_context io_context_{1};
    asio::ip::tcp::acceptor acceptor_{io_context_, {asio::ip::address_v4::loopback(), 0}};
    named_thread thread_{"SlowServer", [this] { run(); }}; // last: it uses the other members
};

} // namespace parley
