// A pool of two for a list of fetches in one thread.
//
//   Python       gevent.pool.Pool(2), pool.map(f, urls)
//   look at      a third request is sent only when a reply has come; the results are in the order of the list
//   afterwards   lab 9; common/coroutines/coroutine_pool.hpp
#include "common/coroutines/coroutine_pool.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/slow_server.hpp"

using namespace parley;

namespace {

int running = 0; // needs no lock: there is one thread, and a coroutine is suspended only at co_await

asio::awaitable<std::string> fetch(coroutine_pool& pool, asio::ip::tcp::endpoint server, int milliseconds) {
    print_line("GET: wait {} ({} running)", milliseconds, ++running);
    asio::ip::tcp::socket socket{pool.io_context()};
    co_await socket.async_connect(server, asio::use_awaitable);
    const auto request = std::to_string(milliseconds) + "\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string reply;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(reply), '\n', asio::use_awaitable);
    print_line("{} bytes received from wait {}.", reply.size(), milliseconds);
    --running;
    co_return reply;
}

} // namespace

int main() {
    const slow_server server;
    coroutine_pool pool{2};
    const std::vector list{300, 100, 150, 50, 200};
    const auto replies =
        pool.map([&](int milliseconds) { return fetch(pool, server.endpoint(), milliseconds); }, list);
    print_line("All replies, in the order of the list:");
    for (const auto& reply : replies) fmt::print("{}", reply);
}
