// prefork --accept pass: whatever becomes of a worker, a client waits for an idle one alone, and none is lost
// to a stop.
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <thread>

namespace parley {

namespace {

server_under_test passing(const char* workers, std::string_view log_level = "warn") {
    return {"prefork", "hello", {"--accept", "pass", "--workers", workers}, log_level};
}

bool is_served(connection& client) {
    send_all(client, "Ada\n");
    return read_line(client).starts_with("Hello, Ada");
}

std::vector<pid_t> workers_of(server_under_test& server, std::size_t count) {
    std::vector<pid_t> workers;
    REQUIRE(in_time([&] {
        workers.clear();
        for (const auto& child : children_of(server.process().pid())) workers.push_back(child.process);
        return workers.size() == count;
    }));
    return workers;
}

bool lives(pid_t process) {
    return !processes_where([&](const process_state& each) {
                return each.process == process && each.state != 'Z';
            }).empty();
}

} // namespace

TEST_CASE("a worker that had no descriptor for a client once is used again") {
    auto server = passing("1", "off");
    const auto worker = workers_of(server, 1).front();
    {
        auto client = connect_to(server.endpoint());
        CHECK(is_served(client));
        rlimit before{}, none{};
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, nullptr, &before) == 0);
        none = {.rlim_cur = 3, .rlim_max = before.rlim_max}; // fewer than it has
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, &none, nullptr) == 0);
        client.shutdown_write();
        CHECK(read_to_end(client) == "");
        auto lost = connect_to(server.endpoint());
        CHECK(read_to_end(lost) == ""); // closed, as there is nothing to serve it by
        REQUIRE(prlimit(worker, RLIMIT_NOFILE, &before, nullptr) == 0);
    }
    for (int i = 0; i != 3; ++i) {
        auto client = connect_to(server.endpoint());
        CHECK(is_served(client));
    }
    CHECK(workers_of(server, 1).front() == worker);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("no client waits behind a busy worker while another is idle, however often workers die") {
    auto server = passing("2", "off");
    for (int death = 0; death != 3; ++death) {
        for (const auto worker : workers_of(server, 2)) {
            kill(worker, SIGKILL);
            CHECK(in_time([&] { return !lives(worker); }));
        }
        auto first = connect_to(server.endpoint()), second = connect_to(server.endpoint());
        CHECK(is_served(first)); // and stays
        CHECK(is_served(second));
        CHECK(is_served(first));
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a client whose worker dies before it takes it gets another one") {
    auto server = passing("2", "off");
    const auto workers = workers_of(server, 2);
    kill(workers.front(), SIGSTOP); // the first idle one
    CHECK(in_time([&] {
        const auto found =
            processes_where([&](const process_state& each) { return each.process == workers.front(); });
        return found.size() == 1 && found.front().state == 'T';
    }));
    auto client = connect_to(server.endpoint());
    send_all(client, "Ada\n");
    auto other = connect_to(server.endpoint());
    CHECK(is_served(other)); // by the second: so the first client has been passed to the first worker
    kill(workers.front(), SIGKILL);
    CHECK(read_line(client).starts_with("Hello, Ada"));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a stop of the whole process group loses no client of the backlog") {
    auto server = passing("2");
    const auto parent = server.process().pid();
    const auto workers = workers_of(server, 2);
    kill(parent, SIGSTOP);
    CHECK(in_time([&] {
        const auto found = processes_where([&](const process_state& each) { return each.process == parent; });
        return found.size() == 1 && found.front().state == 'T';
    }));
    std::vector<connection> clients;
    for (int i = 0; i != 4; ++i) {
        clients.push_back(connect_to(server.endpoint()));
        send_all(clients.back(), "Ada\n");
        clients.back().shutdown_write();
    }
    for (const auto worker : workers) kill(worker, SIGTERM);
    kill(parent, SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds{100}); // the workers are told first
    kill(parent, SIGCONT);
    for (auto& client : clients) CHECK(read_line(client).starts_with("Hello, Ada"));
    CHECK(server.problems_after_exit() == "");
}

} // namespace parley
