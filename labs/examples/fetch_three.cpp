// Three fetches at once in one thread.
//
//   Python       gevent.spawn(f, url), gevent.joinall; or asyncio.gather
//   look at      all requests are sent before the first reply; all together take as long as the slowest
//   afterwards   fetch_pool; lab 9; server/models/coroutine.cpp
#include "common/coroutines/coroutine_pool.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/slow_server.hpp"

using namespace parley;

namespace {

/// Asks for a reply after `milliseconds`. At each co_await, the other coroutines of the thread can run.
asio::awaitable<void> fetch(coroutine_pool& pool, asio::ip::tcp::endpoint server, int milliseconds) {
    print_line("GET: wait {}", milliseconds);
    asio::ip::tcp::socket socket{pool.io_context()};
    co_await socket.async_connect(server, asio::use_awaitable);
    const auto request = std::to_string(milliseconds) + "\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string reply;
    const auto count =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(reply), '\n', asio::use_awaitable);
    print_line("{} bytes received from wait {}.", count, milliseconds);
}

} // namespace

int main() {
    const slow_server server;
    const auto start = std::chrono::steady_clock::now();
    coroutine_pool pool;
    for (const int milliseconds : {300, 200, 100})
        pool.spawn([&pool, &server, milliseconds] { return fetch(pool, server.endpoint(), milliseconds); });
    pool.join_all();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    print_line("Three fetches took {:.1f} s. One after the other, they would take 0.6 s.", time.count());
}
