// Tests of single models: workers that die, limits, and what children must not inherit.
#include "common/process/processors.hpp"
#include "server/model.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/test_client.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <set>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Sends a byte to an echo service and waits for it.
bool answers(connection& connection) {
    send_all(connection, "x");
    return read_next(connection) == "x";
}

/// Returns a client that has been accepted.
connection connect_accepted(const address& endpoint) {
    auto connection = connect_to(endpoint);
    CHECK(answers(connection));
    return connection;
}

std::set<std::string> sockets_of(pid_t process) {
    std::set<std::string> sockets;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/" + std::to_string(process) + "/fd"}) {
        std::error_code ignored;
        const auto target = std::filesystem::read_symlink(entry.path(), ignored).string();
        if (target.starts_with("socket:")) sockets.insert(target);
    }
    return sockets;
}

std::ptrdiff_t threads_of(pid_t process) {
    const std::filesystem::directory_iterator threads{"/proc/" + std::to_string(process) + "/task"};
    return std::distance(begin(threads), end(threads));
}

} // namespace

TEST_CASE("workers that are killed are replaced, whoever accepts, even with the lock in their hands") {
    for (const auto* accept : {"each", "file-lock", "mutex", "pass", "reuseport"}) {
        INFO("prefork --accept ", accept);
        // The server logs each death, so its log is off.
        server_under_test server{"prefork", "echo", {"--workers", "3", "--accept", accept}, "off"};
        const auto pid = server.process().pid();
        CHECK(eventually([&] { return children_of(pid).size() == 3; }));
        for (int round = 0; round != 2; ++round) {
            const auto before = children_of(pid);
            for (const auto& worker : before) kill(worker.process, SIGKILL);
            CHECK(eventually([&] {
                const auto now = children_of(pid);
                return now.size() == 3 && std::ranges::none_of(now, [&](const process_state& worker) {
                           return std::ranges::count(before, worker.process, &process_state::process) != 0;
                       });
            }));
            for (int client = 0; client != 5; ++client) connect_accepted(server.endpoint());
        }
        CHECK(server.shutdown_problems() == "");
    }
}

TEST_CASE("clients that wait in the queue of a worker are served by the next one when it ends") {
    const std::vector<std::string> two_queues{"--accept", "reuseport", "--workers", "2"};
    std::vector<connection> waiting;
    const auto connect_forty = [&](const address& endpoint) {
        while (waiting.size() != 40) waiting.push_back(connect_to(endpoint));
    };
    const auto count_lost = [&] {
        return std::ranges::count_if(waiting, [](connection& connection) {
            try {
                send_all(connection, "x");
                connection.shutdown_write();
                return read_to_end(connection) != "x";
            } catch (const std::system_error&) {
                return true;
            }
        });
    };
    SUBCASE("as planned") {
        auto arguments = two_queues;
        arguments.insert(arguments.end(), {"--max-connections-per-worker", "1"});
        server_under_test server{"prefork", "echo", arguments};
        connect_forty(server.endpoint());
        CHECK(count_lost() == 0);
        CHECK(server.shutdown_problems() == "");
    }
    SUBCASE("suddenly") {
        server_under_test server{"prefork", "echo", two_queues, "off"};
        connect_forty(server.endpoint());
        for (const auto& worker : children_of(server.process().pid())) kill(worker.process, SIGKILL);
        CHECK(count_lost() <= 2); // the two that were being served
        CHECK(server.shutdown_problems() == "");
    }
}

TEST_CASE("a process for each connection, no more of them than allowed, and none is left when all have gone") {
    server_under_test server{"fork", "echo", {"--max-connections", "2"}};
    const auto pid = server.process().pid();
    {
        auto first = connect_accepted(server.endpoint());
        auto second = connect_accepted(server.endpoint());
        auto third = connect_to(server.endpoint());
        send_all(third, "x");
        CHECK(children_of(pid).size() == 2);
        CHECK_FALSE(third.is_readable_within(std::chrono::milliseconds{50}));
        first.shutdown_write();
        CHECK(read_next(third) == "x");
        CHECK(children_of(pid).size() <= 2);
    }
    CHECK(eventually([&] { return children_of(pid).empty(); }));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a thread for each connection, no more of them than allowed, and none is left when all have gone") {
    server_under_test server{"thread", "echo", {"--max-connections", "2"}};
    const auto pid = server.process().pid();
    std::ptrdiff_t threads_with_one = 0; // including the threads of a sanitizer, if any
    {
        auto first = connect_accepted(server.endpoint());
        threads_with_one = threads_of(pid);
        auto second = connect_accepted(server.endpoint());
        auto third = connect_to(server.endpoint());
        send_all(third, "x");
        CHECK(threads_of(pid) == threads_with_one + 1);
        CHECK_FALSE(third.is_readable_within(std::chrono::milliseconds{50}));
        first.shutdown_write();
        CHECK(read_next(third) == "x");
    }
    CHECK(eventually([&] { return threads_of(pid) == threads_with_one - 1; }));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("parent and child of a connection keep nothing of the other's") {
    server_under_test server{"fork", "echo"};
    const auto pid = server.process().pid();
    const auto listening_sockets = sockets_of(pid);
    const auto first = connect_accepted(server.endpoint());
    const auto second = connect_accepted(server.endpoint());
    // The parent must keep no connection, or a client would never see end of input. A child may reply before
    // the parent has closed its copy.
    CHECK(eventually([&] { return sockets_of(pid) == listening_sockets; }));
    const auto children = children_of(pid);
    REQUIRE(children.size() == 2);
    for (const auto& child : children) {
        const auto sockets = sockets_of(child.process);
        CHECK(sockets.size() == 1);
        for (const auto& socket : sockets)
            CHECK(!listening_sockets.contains(socket)); // no listening socket, or the port would stay in use
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("no model serves more clients than there may be at a time, however many loops it has") {
    for_each_variant([](const model_variant& variant) {
        constexpr int limit = 5;
        auto server = variant.serve(
            "echo", {"--workers", "2", "--threads", "2", "--max-connections", std::to_string(limit)});
        std::vector<connection> clients; // enough for each loop to exceed the limit
        while (clients.size() != 40) {
            clients.push_back(connect_to(server.endpoint()));
            send_all(clients.back(), "x");
        }
        const auto count_served = [&] {
            return std::ranges::count_if(
                clients, [](const connection& client) { return client.is_readable_within(0ms); });
        };
        CHECK(eventually([&] { return count_served() > 0; }));
        CHECK(becomes_idle(server.process().pid()));
        CHECK(count_served() <= limit);
        for (auto& client : clients) client.shutdown_write();
        for (auto& client : clients) CHECK(read_to_end(client) == "x");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("by default there are as many workers as processors that the server may use") {
    cpu_set_t previous_set, single_core;
    REQUIRE(sched_getaffinity(0, sizeof previous_set, &previous_set) == 0);
    CPU_ZERO(&single_core);
    CPU_SET(usable_cpus().back(), &single_core);
    REQUIRE(sched_setaffinity(0, sizeof single_core, &single_core) == 0); // the server inherits the affinity
    server_under_test server{"prefork", "echo"};
    REQUIRE(sched_setaffinity(0, sizeof previous_set, &previous_set) == 0);
    connect_accepted(server.endpoint());
    CHECK(becomes_idle(server.process().pid()));
    CHECK(children_of(server.process().pid()).size() == 1);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a child that is killed costs one conversation") {
    server_under_test server{"fork", "echo", {}, "off"};
    auto first = connect_accepted(server.endpoint());
    const auto child = children_of(server.process().pid()).at(0).process;
    auto second = connect_accepted(server.endpoint());
    kill(child, SIGKILL);
    CHECK(read_to_end(first).empty());
    CHECK(answers(second));
    connect_accepted(server.endpoint());
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("one at a time is one at a time") {
    server_under_test server{"iterative", "echo"};
    auto first = connect_accepted(server.endpoint());
    auto second = connect_to(server.endpoint());
    send_all(second, "x");
    CHECK_FALSE(second.is_readable_within(std::chrono::milliseconds{50}));
    CHECK(answers(first));
    first.shutdown_write();
    CHECK(read_next(second) == "x");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("while one client waits or computes, an event loop serves the others") {
    for (const std::string_view model : {"epoll", "loop-pool", "coroutine", "uring"}) {
        if (!std::ranges::find(models(), model, &model::name)->obstacle().empty()) continue;
        INFO("model ", model);
        server_under_test server{model, "wait", {"--workers", "1"}};
        auto slow = connect_to(server.endpoint());
        send_all(slow, "60000\n");
        auto fast = connect_to(server.endpoint());
        send_all(fast, "0\n");
        CHECK(read_line(fast) == "waited 0 ms\n");
    }
    for (const std::string_view model : {"loop-pool", "coroutine"}) {
        INFO("model ", model);
        server_under_test server{model, "pi", {"--threads", "2", "--workers", "2", "--max-digits", "100000"}};
        auto slow = connect_to(server.endpoint());
        send_all(slow, "100000\n");
        auto fast = connect_to(server.endpoint());
        send_all(fast, "5\n");
        CHECK(read_line(fast) == "3.14159\n");
        CHECK_FALSE(slow.is_readable_within(std::chrono::milliseconds{0}));
    }
}

} // namespace parley
