// Tests for leaks: after thousands of connections one process has no more descriptors and memory than after
// the first.
#include "server/model.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"

#include <doctest/doctest.h>

namespace parley {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 5;
constexpr std::size_t allowed_growth = std::size_t{256} << 20; // sanitizers keep freed memory
#else
constexpr int rounds = 10;
constexpr std::size_t allowed_growth = std::size_t{1} << 20;
#endif

std::size_t memory_of(pid_t process) {
    std::size_t total = 0, resident = 0;
    std::ifstream{"/proc/" + std::to_string(process) + "/statm"} >> total >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// A client with one request. Every second one reads until end of input, and the others reset the connection.
void ask_once(const address& endpoint, int number) {
    auto connection = connect_to(endpoint);
    send_all(connection, "Ada\n");
    if (number % 2 == 0) {
        connection.shutdown_write();
        REQUIRE(read_to_end(connection).starts_with("Hello, Ada"));
    } else {
        REQUIRE(read_line(connection).starts_with("Hello, Ada"));
        reset(std::move(connection));
    }
}
#endif

} // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a hundred thousand connections leave one process as they found it") {
    server_under_test server{"epoll", "hello"};
    const auto process = server.process().pid();
    int number = 0;
    while (number != 1000) ask_once(server.endpoint(), number++);
    const auto memory = memory_of(process);
    const auto descriptors = open_descriptors(process);
    while (number != 100'000) ask_once(server.endpoint(), number++);
    CHECK(eventually([&] { return open_descriptors(process) <= descriptors; }));
    // The kernel counts pages in batches per CPU, which allows 512 KiB; a leak of eight bytes per connection
    // would exceed it.
    CHECK(memory_of(process) <= memory + (std::size_t{512} << 10));
    CHECK(server.shutdown_problems() == "");
}
#endif

TEST_CASE("nothing is kept of thousands of connections: no descriptor, and no memory") {
    for (const auto* const model_name :
         {"iterative", "thread", "pool", "epoll", "loop-pool", "uring", "coroutine"}) {
        if (!std::ranges::find(models(), std::string_view{model_name}, &model::name)->obstacle().empty())
            continue;
        INFO("model ", model_name);
        server_under_test server{model_name, "hello", {"--workers", "2"}};
        const auto process = server.process().pid();
        const auto serve = [&] {
            for (int round = 0; round != rounds; ++round)
                REQUIRE(client_group{"hello", server.endpoint(), small_requests(1)}.add(50).converse() == "");
        };
        serve();
        const auto memory = memory_of(process);
        const auto descriptors = open_descriptors(process);
        serve();
        serve();
        CHECK(eventually([&] { return open_descriptors(process) <= descriptors; }));
        CHECK(memory_of(process) <= memory + allowed_growth);
        CHECK(server.shutdown_problems() == "");
    }
}

} // namespace parley
