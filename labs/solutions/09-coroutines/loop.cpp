// Coroutines on Asio's event loop: a server, and requests of which at most some run at a time. All run in one
// thread, so they share variables without a lock; but after each co_await these may have changed.
#include "loop.hpp"

#include "greeting.hpp"

#include <algorithm>
#include <array>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <exception>
#include <utility>

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

awaitable<void> wait(std::chrono::milliseconds time) {
    asio::steady_timer timer{co_await asio::this_coro::executor, time};
    co_await timer.async_wait(use_awaitable);
}

/// Performs the steps of a session until it has finished. Throws what the session throws, and if the client is
/// gone.
awaitable<void> serve(tcp::socket client) {
    auto session = greet();
    std::array<char, 4096> input;
    while (const auto* step = session.next()) {
        if (std::holds_alternative<parley::need_input>(*step)) {
            std::error_code error; // the end of input, or a reset, which is one as well
            const auto count = co_await client.async_read_some(asio::buffer(input),
                                                               asio::redirect_error(use_awaitable, error));
            session.feed({input.data(), error ? 0 : count});
        } else if (const auto* output = std::get_if<parley::output>(step)) {
            co_await asio::async_write(client, asio::buffer(output->bytes), use_awaitable);
        } else if (const auto* delay = std::get_if<parley::delay>(step)) {
            co_await wait(delay->time);
        } else {
            std::get<parley::compute> (*step)(); // greet() has none; a long one would stop all clients
        }
    }
}

/// The end of a client's coroutine. An exception thrown here would leave io_context::run().
void report(const std::exception_ptr& failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "welcome_server: a client was lost: %s\n", error.what());
    }
}

awaitable<void> accept_clients(tcp::acceptor& acceptor) {
    for (;;) {
        std::error_code error;
        auto client = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
        if (error) { // the client has gone, or there is no descriptor for it
            co_await wait(std::chrono::milliseconds{50});
            continue;
        }
        asio::co_spawn(acceptor.get_executor(), serve(std::move(client)), report);
    }
}

void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

} // namespace

void run_server(std::uint16_t port, const std::function<void(std::uint16_t)>& ready) {
    asio::io_context loop{1}; // one thread
    tcp::acceptor acceptor{loop, {asio::ip::address_v4::loopback(), port}};
    asio::co_spawn(loop, accept_clients(acceptor), rethrow);
    ready(acceptor.local_endpoint().port());
    loop.run();
}

namespace {

/// Sends one request, and returns the reply. The request is a copy: a reference would have to outlive the
/// coroutine.
awaitable<std::string> fetch(std::uint16_t port, std::string request) {
    tcp::socket server{co_await asio::this_coro::executor};
    const tcp::endpoint address{asio::ip::address_v4::loopback(), port};
    co_await server.async_connect(address, use_awaitable);
    std::string input;
    auto buffer = asio::dynamic_buffer(input, 64 * 1024);
    const auto welcome = co_await asio::async_read_until(server, buffer, '\n', use_awaitable);
    buffer.consume(welcome);
    request += '\n';
    co_await asio::async_write(server, asio::buffer(request), use_awaitable);
    const auto size = co_await asio::async_read_until(server, buffer, '\n', use_awaitable);
    co_return input.substr(0, size - 1);
}

/// What the workers share.
struct fetches {
    std::uint16_t port;
    const std::vector<std::string>& requests;
    std::vector<std::optional<std::string>> replies;
    std::size_t next = 0;
};

/// Takes the next request that no worker has taken, until there is none.
awaitable<void> run_worker(fetches& fetches) {
    while (fetches.next < fetches.requests.size()) {
        const auto number = fetches.next++; // before the co_await: during it other workers take the next ones
        try {
            fetches.replies[number] = co_await fetch(fetches.port, fetches.requests[number]);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "fetch: '%s' failed: %s\n", fetches.requests[number].c_str(), error.what());
        }
    }
}

} // namespace

std::vector<std::optional<std::string>> fetch_all(std::uint16_t port, const std::vector<std::string>& requests,
                                                  std::size_t limit) {
    asio::io_context loop{1};
    fetches fetches{port, requests, std::vector<std::optional<std::string>>(requests.size())};
    for (std::size_t i = 0; i != std::min(limit, requests.size()); ++i)
        asio::co_spawn(loop, run_worker(fetches), rethrow);
    loop.run();
    return std::move(fetches.replies);
}
