// Thousands of connections, one after the other, through one process: it has as many descriptors and as much
// memory after them as after the first.
#include "server/model.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"

#include <doctest/doctest.h>

namespace parley {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 5;
constexpr std::size_t allowed_growth = std::size_t{256} << 20; // sanitizers keep what was freed
#else
constexpr int rounds = 10;
constexpr std::size_t allowed_growth = std::size_t{1} << 20;
#endif

std::size_t memory_of(pid_t process) {
    std::size_t all = 0, resident = 0;
    std::ifstream{"/proc/" + std::to_string(process) + "/statm"} >> all >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// A client that asks once; every second one ends its output and reads to the end, the others just break off.
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
    CHECK(in_time([&] { return open_descriptors(process) <= descriptors; }));
    // The kernel counts pages in batches for each processor; eight bytes a connection would be more than this.
    CHECK(memory_of(process) <= memory + (std::size_t{512} << 10));
    CHECK(server.shutdown_problems() == "");
}
#endif

TEST_CASE("nothing is kept of thousands of connections: no descriptor, and no memory") {
    for (const auto* const one : {"iterative", "thread", "pool", "epoll", "loop-pool", "uring", "coroutine"}) {
        if (!std::ranges::find(models(), std::string_view{one}, &model::name)->obstacle().empty()) continue;
        INFO("model ", one);
        server_under_test server{one, "hello", {"--workers", "2"}};
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
        CHECK(in_time([&] { return open_descriptors(process) <= descriptors; }));
        CHECK(memory_of(process) <= memory + allowed_growth);
        CHECK(server.shutdown_problems() == "");
    }
}

} // namespace parley
