// Tests of scoreboard_view: another process sees what a server's workers do, and which of them have died.
#include "common/process/process_usage.hpp"
#include "common/process/stop_signal.hpp"
#include "common/scoreboard/scoreboard_view.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"

#include <array>
#include <ctime>
#include <doctest/doctest.h>

namespace parley {

namespace {

address some_address(const char* text) { return address::resolve(text).front(); }

std::string error_of(pid_t process) {
    try {
        const scoreboard_view view{process};
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

/// A child process that calls `body(ready)`. The constructor returns once the child has called `ready()`, and
/// the destructor kills it.
class child_process {
public:
    template <class Body>
    explicit child_process(Body body) {
        std::array<int, 2> ends{};
        check("pipe", [&] { return pipe(ends.data()); });
        const unique_fd reader{ends[0]};
        unique_fd writer{ends[1]};
        process_ = check("fork", fork);
        if (process_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            body([&] { check("write", [&] { return write(writer.get(), "", 1); }); });
            _exit(0);
        }
        writer.reset();
        char ready = 0;
        if (read(reader.get(), &ready, 1) != 1) throw std::runtime_error("the child did not get ready");
    }
    ~child_process() { end(); }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    [[nodiscard]] pid_t process() const { return process_; }

    void end() {
        if (process_ <= 0) return;
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
        process_ = 0;
    }

private:
    pid_t process_ = 0;
};

void wait_forever() {
    for (;;) ::pause();
}

void publish(scoreboard& board) {
    const std::array endpoints{some_address("127.0.0.1:9999"), some_address("[::1]:7")};
    board.facts().publish(board.size(), "fork", "echo", endpoints);
}

} // namespace

TEST_CASE("what a server says of itself and what its workers do is seen from outside") {
    const child_process server{[](auto ready) {
        scoreboard board{1000};
        publish(board);
        worker first{board, 1}, third{board, 3};
        third.begin_connection(some_address("[::1]:1234"));
        auto& stats = third.stats();
        stats.now.set(activity::writing);
        stats.requests.add(5);
        stats.bytes_in.add(100);
        stats.bytes_out.add(2000);
        ready();
        wait_forever();
    }};
    scoreboard_view view{server.process()};
    CHECK(view.server().process == server.process());
    CHECK(view.server().model == "fork");
    CHECK(view.server().service == "echo");
    CHECK_FALSE(view.server().version.empty());
    CHECK(view.server().addresses == std::vector<std::string>{"127.0.0.1:9999", "[::1]:7"});

    const auto snapshot = view.take_snapshot();
    REQUIRE(snapshot);
    CHECK_FALSE(snapshot->stopping);
    CHECK(snapshot->uptime.count() >= 0);
    CHECK(snapshot->open == 1);
    CHECK(snapshot->all.connections == 1);
    CHECK(snapshot->count(activity::waiting) == 1);
    REQUIRE(snapshot->workers.size() == 3); // not a thousand
    CHECK(snapshot->workers[0].now == activity::waiting);
    CHECK_FALSE(snapshot->workers[1].in_use());
    const auto& third = snapshot->workers[2];
    CHECK(third.number == 3);
    CHECK(third.process == server.process());
    CHECK(third.now == activity::writing);
    CHECK(third.counted.requests == 5);
    CHECK(third.counted.bytes_in == 100);
    CHECK(third.counted.bytes_out == 2000);
    CHECK(third.peer.to_string() == "[::1]:1234");
}

TEST_CASE("a worker that was killed is recognised, although nobody has cleared its slot") {
    auto [local, remote] = make_socket_pair(0);
    const child_process server{[&](auto ready) {
        scoreboard board{10};
        publish(board);
        const worker main{board, 1};
        const child_process child{[&](auto child_ready) {
            worker self{board, 2};
            self.begin_connection(some_address("127.0.0.1:1"));
            self.stats().now.set(activity::writing);
            child_ready();
            wait_forever();
        }};
        ready();
        read_buffer buffer;
        (void)local.read_some(buffer); // until the test writes
        kill(child.process(), SIGKILL);
        waitpid(child.process(), nullptr, 0);
        wait_forever();
    }};
    scoreboard_view view{server.process()};
    const auto before = view.take_snapshot();
    REQUIRE(before);
    REQUIRE(before->workers.size() == 2);
    CHECK(before->workers[1].now == activity::writing);
    CHECK(before->open == 1);

    // A process that has inherited the server's scoreboard also leads to the server.
    CHECK(scoreboard_view{before->workers[1].process}.server().process == server.process());

    CHECK(remote.write_some("now") == 3);
    std::optional<scoreboard_snapshot> after;
    CHECK(eventually([&] {
        after = view.take_snapshot();
        return after && !after->workers[1].in_use();
    }));
    CHECK(after->open == 0);
    CHECK(after->all.connections == 1); // the statistics stay
    CHECK(after->workers[0].in_use());
}

TEST_CASE("a loop whose clients are silent keeps them; one that must stop finishes") {
    auto [local, remote] = make_socket_pair(0);
    const child_process server{[&](auto ready) {
        scoreboard board{10};
        publish(board);
        stop_signal::install(std::chrono::seconds{10});
        const stop_signal::record_stop_time facts{board.facts().stop_requested};
        worker loop{board, 1};
        const worker second_worker{board, 2};
        loop.begin_connection(some_address("127.0.0.1:1"));
        ready();
        wait_forever();
    }};
    scoreboard_view view{server.process()};
    CHECK(view.take_snapshot()->workers[0].now == activity::idle);
    CHECK(view.take_snapshot()->workers[1].now == activity::waiting);
    kill(server.process(), SIGTERM);
    CHECK(eventually([&] { return view.take_snapshot()->stopping.has_value(); }));
    CHECK(view.take_snapshot()->workers[0].now == activity::finishing);
    CHECK(view.take_snapshot()->workers[1].now == activity::waiting);
}

TEST_CASE("a server that has ended is told from one that does nothing") {
    child_process server{[](auto ready) {
        scoreboard board{10};
        publish(board);
        ready();
        wait_forever();
    }};
    scoreboard_view view{server.process()};
    CHECK(view.take_snapshot()->workers.empty());
    server.end();
    CHECK_FALSE(view.take_snapshot());
    pollfd end{.fd = view.descriptor(), .events = POLLIN, .revents = 0};
    CHECK(poll(&end, 1, 0) == 1);
}

TEST_CASE("servers of this user are found, and not their children") {
    const child_process server{[](auto ready) {
        scoreboard board{10};
        publish(board);
        const child_process child{[](auto child_ready) {
            child_ready();
            wait_forever();
        }};
        ready();
        wait_forever();
    }};
    const child_process unready{[](auto ready) {
        const scoreboard board{10};
        ready();
        wait_forever();
    }};
    const auto servers = running_servers();
    CHECK(std::ranges::count(servers, server.process()) == 1);
    for (const auto server_id : servers) CHECK(scoreboard_view{server_id}.server().process == server_id);
    CHECK(error_of(unready.process()) == fmt::format("server {} does not listen yet", unready.process()));
}

TEST_CASE("what is no server is said to be none") {
    const auto self = std::to_string(getpid());
    CHECK(error_of(getpid()) == "process " + self + " is no parley-server");
    CHECK(error_of(2'000'000'000) == "there is no process 2000000000");
}

TEST_CASE("the processor time of a process counts what its children have used") {
    const child_process server{[](auto ready) {
        const auto work = [] {
            for (const auto begin = std::clock(); std::clock() - begin < CLOCKS_PER_SEC / 20;) {
            }
        };
        require(run_in_fork(work) == "exit 0", "it ended well");
        ready();
        wait_forever();
    }};
    CHECK(cpu_time_of(server.process()).count() >= 40);
    CHECK(cpu_time_of(2'000'000'000).count() == 0);
}

} // namespace parley
