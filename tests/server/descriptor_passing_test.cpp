// Tests of prefork --accept pass: each client gets an idle worker, even if workers die, and a shutdown loses
// none.
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <thread>

namespace parley {

namespace {

server_under_test start_passing(const char* workers, std::string_view log_level = "warn") {
    return {"prefork", "hello", {"--accept", "pass", "--workers", workers}, log_level};
}

bool is_served(connection& client) {
    send_all(client, "Ada\n");
    return read_line(client).starts_with("Hello, Ada");
}

std::vector<pid_t> workers_of(server_under_test& server, std::size_t count) {
    std::vector<pid_t> workers;
    REQUIRE(eventually([&] {
        workers.clear();
        for (const auto& child : children_of(server.process().pid())) workers.push_back(child.process);
        return workers.size() == count;
    }));
    return workers;
}

bool lives(pid_t process) {
    return !find_processes([&](const process_state& state) {
                return state.process == process && state.state != 'Z';
            }).empty();
}

} // namespace

TEST_CASE("a worker that had no descriptor for a client once is used again") {
    auto server = start_passing("1", "off");
    const auto worker = workers_of(server, 1).front();
    {
        auto client = connect_to(server.endpoint());
        CHECK(is_served(client));
        rlimit limit{}, too_low{};
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, nullptr, &limit) == 0);
        too_low = {.rlim_cur = 3, .rlim_max = limit.rlim_max}; // fewer than the worker has open
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, &too_low, nullptr) == 0);
        client.shutdown_write();
        CHECK(read_to_end(client) == "");
        auto dropped = connect_to(server.endpoint());
        CHECK(read_to_end(dropped) == ""); // closed, since the worker has no descriptor to serve it
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, &limit, nullptr) == 0);
    }
    for (int i = 0; i != 3; ++i) {
        auto client = connect_to(server.endpoint());
        CHECK(is_served(client));
    }
    CHECK(workers_of(server, 1).front() == worker);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("no client waits behind a busy worker while another is idle, however often workers die") {
    auto server = start_passing("2", "off");
    for (int death = 0; death != 3; ++death) {
        for (const auto worker : workers_of(server, 2)) {
            kill(worker, SIGKILL);
            CHECK(eventually([&] { return !lives(worker); }));
        }
        auto first = connect_to(server.endpoint()), second = connect_to(server.endpoint());
        CHECK(is_served(first)); // and stays connected
        CHECK(is_served(second));
        CHECK(is_served(first));
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a client whose worker dies before it takes it gets another one") {
    auto server = start_passing("2", "off");
    const auto workers = workers_of(server, 2);
    kill(workers.front(), SIGSTOP); // the worker that is chosen first
    CHECK(eventually([&] {
        const auto processes =
            find_processes([&](const process_state& state) { return state.process == workers.front(); });
        return processes.size() == 1 && processes.front().state == 'T';
    }));
    auto client = connect_to(server.endpoint());
    send_all(client, "Ada\n");
    auto second_client = connect_to(server.endpoint());
    // By the second worker, so the first client has been passed to the stopped one.
    CHECK(is_served(second_client));
    kill(workers.front(), SIGKILL);
    CHECK(read_line(client).starts_with("Hello, Ada"));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a stop of the whole process group loses no client of the backlog") {
    auto server = start_passing("2");
    const auto parent = server.process().pid();
    const auto workers = workers_of(server, 2);
    kill(parent, SIGSTOP);
    CHECK(eventually([&] {
        const auto processes =
            find_processes([&](const process_state& state) { return state.process == parent; });
        return processes.size() == 1 && processes.front().state == 'T';
    }));
    std::vector<connection> clients;
    for (int i = 0; i != 4; ++i) {
        clients.push_back(connect_to(server.endpoint()));
        send_all(clients.back(), "Ada\n");
        clients.back().shutdown_write();
    }
    for (const auto worker : workers) kill(worker, SIGTERM);
    kill(parent, SIGTERM);
    // Gives the workers time to handle their signal before the parent does.
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    kill(parent, SIGCONT);
    for (auto& client : clients) CHECK(read_line(client).starts_with("Hello, Ada"));
    CHECK(server.problems_after_exit() == "");
}

} // namespace parley
