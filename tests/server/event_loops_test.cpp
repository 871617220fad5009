// Tests of the event-loop models: limits, fairness, and memory that is freed.
#include "common/check.hpp"
#include "common/process/stop_signal.hpp"
#include "server/loops/epoll_loop.hpp"
#include "server/loops/uring_loop.hpp"
#include "server/model.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/test_client.hpp"

#include <doctest/doctest.h>
#include <fstream>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Calls `test(model)` for each event loop that can run here.
template <class Test>
void for_each_loop(Test test) {
    for (const std::string_view model : {"epoll", "loops", "loop-pool", "coroutine", "uring"}) {
        if (!std::ranges::find(models(), model, &model::name)->obstacle().empty()) continue;
        INFO("model ", model);
        test(model);
    }
}

/// Returns `options` and the option for a single loop.
std::vector<std::string> one_loop(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--workers", "1"});
    return options;
}

std::string ask(connection& connection, std::string_view request) {
    send_all(connection, request);
    return read_line(connection);
}

/// Stops a process with SIGSTOP for the lifetime of the object.
class stopped_process {
public:
    explicit stopped_process(pid_t process) : process_{process} {
        kill(process, SIGSTOP);
        CHECK(eventually([&] { return state() == 'T'; }));
    }
    stopped_process(const stopped_process&) = delete;
    stopped_process& operator=(const stopped_process&) = delete;
    ~stopped_process() { kill(process_, SIGCONT); }

private:
    [[nodiscard]] char state() const {
        const auto processes =
            find_processes([&](const process_state& state) { return state.process == process_; });
        return processes.empty() ? '?' : processes.front().state;
    }

    pid_t process_;
};

std::ptrdiff_t count_readable(const std::vector<connection>& connections) {
    return std::ranges::count_if(
        connections, [](const connection& connection) { return connection.is_readable_within(0ms); });
}

} // namespace

TEST_CASE("a loop that was full listens at all of its addresses again") {
    for_each_loop([](auto model) {
        server_under_test server{model, "hello",
                                 one_loop({"--max-connections", "2", "--listen", "127.0.0.1:0"})};
        const address endpoints[] = {server.endpoint(), ready_address(server.process().read_line(time_limit))};
        for (int round = 0; round != 2; ++round) {
            for (const auto& filled : endpoints) {
                {
                    auto first = connect_to(filled), second = connect_to(filled);
                    CHECK(ask(first, "A\n").starts_with("Hello, A"));
                    CHECK(ask(second, "B\n").starts_with("Hello, B"));
                }
                for (const auto& endpoint : endpoints) {
                    auto next = connect_to(endpoint);
                    CHECK(ask(next, "C\n").starts_with("Hello, C"));
                }
            }
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("no more clients are served at a time than there may be, even if they come at once") {
    for_each_loop([](auto model) {
        server_under_test server{model, "hello", one_loop({"--max-connections", "3"})};
        {
            auto first = connect_to(server.endpoint());
            CHECK(ask(first, "first\n").starts_with("Hello, first"));
        }
        std::vector<connection> clients;
        {
            const stopped_process pause{server.process().pid()};
            for (int i = 0; i != 20; ++i) {
                clients.push_back(connect_to(server.endpoint()));
                send_all(clients.back(), "Ada\n");
            }
        }
        CHECK(eventually([&] { return count_readable(clients) >= 3; }));
        for (int round = 0; round != 3; ++round) {
            auto& served = *std::ranges::find_if(
                clients, [](const connection& connection) { return connection.is_readable_within(0ms); });
            while (served.is_readable_within(0ms)) CHECK(read_line(served).starts_with("Hello, Ada"));
            CHECK(ask(served, "Bob\n").starts_with("Hello, Bob"));
            send_all(served, "Ada\n");
            wait_for(served, POLLIN);
        }
        CHECK(count_readable(clients) == 3);
        for (int remaining = 20; remaining != 0; --remaining) {
            CHECK(eventually([&] { return count_readable(clients) >= 1; }));
            std::erase_if(clients, [done = false](const connection& connection) mutable {
                return !done && (done = connection.is_readable_within(0ms));
            });
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client that sends thousands of requests at once does not keep the others from their turns") {
    for_each_loop([](auto model) {
        server_under_test server{model, "counter", one_loop()};
        auto greedy = connect_to(server.endpoint()), modest = connect_to(server.endpoint());
        CHECK(ask(greedy, "\n") == "1\n");
        CHECK(ask(modest, "\n") == "2\n");
        {
            const stopped_process pause{server.process().pid()};
            send_all(greedy, std::string(16'000, '\n'));
            send_all(modest, "\n");
        }
        CHECK(std::stoi(read_line(modest)) < 1000);
        std::string last;
        for (int i = 0; i != 16'000; ++i) last = read_line(greedy);
        CHECK(last == "16003\n");
        CHECK(server.shutdown_problems() == "");
    });
}

namespace {

/// Serves two clients by `serve(listener, service, options)`. One asks for twenty pieces of work at once, the
/// other for one. Returns the order in which the work was done.
template <class Serve>
std::string order_of_work(Serve serve) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const unique_fd read_end{ends[0]}, write_end{ends[1]};
    CHECK(run_in_fork([&] {
              stop_signal::install(1h);
              scoreboard board{1};
              ready_report ready{[] {}};
              listener endpoint{address::resolve("127.0.0.1:0").front(), {}};
              const model_options options{.workers = 1,
                                          .threads = 1,
                                          .min_spare = 0,
                                          .max_spare = 0,
                                          .max_workers = 0,
                                          .max_connections_per_worker = 0,
                                          .max_connections = 10,
                                          .idle_timeout = 0ms,
                                          .accept = accept_strategy::shared,
                                          .in = worker_kind::threads,
                                          .command = {},
                                          .board = board,
                                          .ready = ready};
              auto greedy = connect_to(endpoint.addresses().front()),
                   modest = connect_to(endpoint.addresses().front());
              send_all(greedy, "aaaaaaaaaaaaaaaaaaaa");
              send_all(modest, "b");
              greedy.shutdown_write();
              modest.shutdown_write();
              const service works = [&] {
                  return [](int descriptor) -> session {
                      while (const auto bytes = co_await read_some())
                          for (const char letter : *bytes) {
                              auto work = [&] {
                                  check("write", [&] { return write(descriptor, &letter, 1); });
                              };
                              co_await run(work);
                          }
                  }(write_end.get());
              };
              stop_signal::request(); // clients in the backlog are still served
              serve(endpoint, works, options);
          }) == "exit 0");
    std::array<char, 100> done;
    const auto count = read(read_end.get(), done.data(), done.size());
    return {done.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

} // namespace

TEST_CASE(
    "a client that asks for much work at once waits between two pieces until the others have had a turn") {
    const auto is_fair = [](std::string_view order) {
        CHECK(order.size() == 21);
        CHECK(order.find('b') < 4);
    };
    is_fair(order_of_work([](auto& endpoint, auto& served, auto& options) {
        epoll_loop{endpoint, served, options, 1}.run();
    }));
    if (io_ring::obstacle().empty())
        is_fair(order_of_work([](auto& endpoint, auto& served, auto& options) {
            uring_loop{endpoint, served, options, 1}.run();
        }));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // sanitizers allocate pages of their own
namespace {
/// Returns the number of resident pages of the process.
long pages_of(pid_t process) {
    long size = 0, resident = 0;
    std::ifstream{"/proc/" + std::to_string(process) + "/statm"} >> size >> resident;
    return resident;
}
} // namespace

TEST_CASE("clients that send and never read cost little, and nothing when they have gone") {
    for_each_loop([](auto model) {
        server_under_test server{model, "echo", one_loop({"--max-connections", "100"})};
        const auto pid = server.process().pid();
        CHECK(client_group{"echo", server.endpoint()}.add(50).converse() == "");
        const auto before = pages_of(pid);
        {
            const std::string chunk(100'000, 'x');
            std::vector<connection> clients;
            for (int i = 0; i != 30; ++i) clients.push_back(connect_to(server.endpoint()));
            for (int quiet_rounds = 0; quiet_rounds != 2;) {
                std::size_t sent = 0;
                for (auto& client : clients) sent += client.write_some(chunk);
                quiet_rounds = sent == 0 ? quiet_rounds + 1 : 0;
                if (sent == 0) CHECK(becomes_idle(pid));
            }
            // 48 KiB for each client, and 1 MiB for the loop itself.
            CHECK(pages_of(pid) - before < 30 * 12 + 256);
            for (auto& client : clients) reset(std::move(client));
        }
        CHECK(eventually([&] { return pages_of(pid) - before < 512; }));
        CHECK(server.shutdown_problems() == "");
    });
}
#endif

} // namespace parley
