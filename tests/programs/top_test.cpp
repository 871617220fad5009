// Tests of parley-top: its page as text, its values for real servers under load, and its use of the terminal.
#include "client/top/page.hpp"
#include "client/top/record.hpp"
#include "server/model.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/pseudo_terminal.hpp"
#include "tests/support/server_under_test.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Returns a snapshot of `count` workers, each with as many requests as its number.
scoreboard_snapshot busy_server(int count, std::chrono::milliseconds uptime) {
    scoreboard_snapshot snapshot;
    snapshot.at = std::chrono::steady_clock::time_point{uptime};
    snapshot.uptime = uptime;
    for (int number = 1; number <= count; ++number) {
        worker_snapshot worker;
        worker.number = number;
        worker.process = worker.thread = 1000 + number;
        worker.now = activity::writing;
        worker.open = 1;
        worker.counted = {
            .connections = 1, .requests = static_cast<std::uint64_t>(number), .bytes_in = 0, .bytes_out = 0};
        worker.peer = address::resolve("127.0.0.1:50000").front();
        snapshot.all.add(worker.counted);
        snapshot.open += worker.open;
        snapshot.workers.push_back(worker);
    }
    return snapshot;
}

const server_description some_server{
    .process = 1000, .version = "1", .model = "prefork", .service = "echo", .addresses = {"127.0.0.1:9999"}};

struct outcome {
    std::optional<int> exit_code;
    std::string output;
    std::string errors;
};

outcome run_top(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PARLEY_TOP);
    subprocess program{arguments, subprocess::errors::kept};
    const auto end = program.wait(time_limit);
    return {end ? end->exit_code() : std::nullopt, program.rest_of_output(), program.error_output()};
}

nlohmann::json json_of(running_server& server) {
    return nlohmann::json::parse(
        run_top({std::to_string(server.process().pid()), "--json", "--interval", "10ms"}).output);
}

/// Returns a client that has received one reply.
connection served_client(const address& endpoint) {
    auto connection = connect_to(endpoint);
    send_all(connection, "hello\n");
    if (read_line(connection) != "hello\n") throw std::runtime_error("no echo");
    return connection;
}

bool is_plain(std::string_view text) {
    return std::ranges::all_of(
        text, [](char character) { return (character >= ' ' && character <= '~') || character == '\n'; });
}

} // namespace

TEST_CASE("rates are taken between two looks, and at first over the server's life") {
    observation observation{busy_server(2, 10s)};
    CHECK(observation.since_beginning());
    CHECK(observation.all().requests == doctest::Approx(0.3));
    auto later = busy_server(3, 12s); // with a third worker
    later.workers[0].counted.requests += 10;
    later.all.requests += 10;
    later.cpu_time = 1s;
    observation.update(later);
    CHECK_FALSE(observation.since_beginning());
    CHECK(observation.span().count() == doctest::Approx(2));
    CHECK(observation.all().requests == doctest::Approx(6.5));
    CHECK(observation.of(observation.now().workers[0]).requests == doctest::Approx(5));
    CHECK(observation.of(observation.now().workers[1]).requests == 0);
    CHECK(observation.of(observation.now().workers[2]).requests == doctest::Approx(1.5));
    CHECK(observation.processors() == doctest::Approx(0.5));
}

TEST_CASE("a page fits into eighty columns, and a thousand workers into few lines of letters") {
    const observation observation{busy_server(1000, 10s)};
    const page page{some_server, observation, 80};
    const auto head = page.head(6);
    CHECK(head.size() == 13);
    CHECK(std::ranges::all_of(head, [](const auto& line) { return line.size() <= 80; }));
    CHECK(head.back().ends_with(" more"));
    CHECK(page.size() == 1000);
    CHECK(page.heading().size() <= 80);
    CHECK(page.line(999).size() <= 80);
    CHECK(page.line(999).ends_with("127.0.0.1:50000"));
}

TEST_CASE("in a narrow page a column goes that says what others say") {
    const observation processes{busy_server(2, 10s)};
    CHECK(page{some_server, processes, 80}.heading().find("pid") != std::string::npos);
    CHECK(page{some_server, processes, 80}.heading().find("tid") == std::string::npos);
    CHECK(page{some_server, processes, 100}.heading().find("tid") != std::string::npos);
    auto snapshot = busy_server(2, 10s);
    for (auto& worker : snapshot.workers) worker.process = some_server.process;
    const observation threads{snapshot};
    CHECK(page{some_server, threads, 80}.heading().find("pid") == std::string::npos);
    CHECK(page{some_server, threads, 80}.heading().find("tid") != std::string::npos);
}

TEST_CASE("names that would play tricks on a terminal are spelled") {
    server_description malicious = some_server;
    malicious.service = "\x1b]0;owned\x07\xff";
    malicious.addresses = {"unix:/tmp/\x1b[2J"};
    const observation observation{busy_server(1, 10s)};
    for (const auto& line : page{malicious, observation, 80}.head(1)) CHECK(is_plain(line));
    CHECK(is_plain(snapshot_json(malicious, observation)));
}

TEST_CASE("parley-top sees what clients of any model do") {
    for (const auto& model : models()) {
        if (model.datagrams || model.commands || !model.obstacle().empty()) continue;
        CAPTURE(model.name);
        const std::size_t clients = model.name == "iterative" ? 1 : 3;
        server_under_test server{model.name, "echo", {"--workers", "3"}};
        {
            std::vector<connection> connections;
            while (connections.size() < clients) connections.push_back(served_client(server.endpoint()));

            nlohmann::json record; // a worker counts a reply after it has been sent
            CHECK(eventually([&] {
                record = json_of(server);
                return record["total"]["requests"] == clients;
            }));
            CHECK(record["server"]["pid"] == server.process().pid());
            CHECK(record["server"]["model"] == model.name);
            CHECK(record["server"]["service"] == "echo");
            CHECK(record["server"]["listening_on"] == nlohmann::json{server.endpoint().to_string()});
            CHECK(record["total"]["connections"] == clients);
            CHECK(record["total"]["open"] == clients);
            CHECK(record["total"]["bytes_in"] == 6 * clients);
            CHECK(record["total"]["bytes_out"] == 6 * clients);

            std::size_t open = 0, requests = 0;
            std::vector<std::string> peers;
            for (const auto& worker : record["workers"]) {
                open += worker["open"].get<std::size_t>();
                requests += worker["total"]["requests"].get<std::size_t>();
                if (worker["peer"].is_string()) peers.push_back(worker["peer"]);
                if (worker["open"] > 0) CHECK(worker["letter"] == "K");
                CHECK(kill(worker["pid"].get<pid_t>(), 0) == 0);
            }
            CHECK(open == clients);
            CHECK(requests == clients);
            CHECK(std::ranges::count(peers, address::of_socket(connections.back().descriptor()).to_string()) ==
                  1);

            const auto result =
                run_top({std::to_string(server.process().pid()), "--once", "--interval", "10ms"});
            CHECK(result.exit_code == 0);
            CHECK(is_plain(result.output));
            CHECK(result.output.find(fmt::format("model {}, service echo", model.name)) != std::string::npos);
            CHECK(result.output.find(peers.back()) != std::string::npos);
        }
        CHECK(eventually([&] { return json_of(server)["total"]["open"] == 0; }));
        CHECK(server.shutdown_problems() == "");
    }
}

TEST_CASE("a worker that is killed leaves the page, and what it did stays") {
    for (const auto* model : {"prefork", "hybrid", "fork"}) {
        CAPTURE(model);
        running_server server{
            PARLEY_SERVER,
            {"--model", model, "--service", "echo", "--workers", "1", "--threads", "2", "--log-level", "off"}};
        auto connection = served_client(server.endpoint());
        nlohmann::json record;
        CHECK(eventually([&] {
            record = json_of(server);
            return record["total"]["requests"] == 1;
        }));
        for (const auto& worker : record["workers"])
            if (worker["open"] == 1) kill(worker["pid"].get<pid_t>(), SIGKILL);
        CHECK(eventually([&] { return json_of(server)["total"]["open"] == 0; }));
        CHECK(json_of(server)["total"]["connections"] == 1);
        CHECK(server.stop().end.exit_code() == 0);
    }
}

TEST_CASE("a server that was asked to stop is seen to finish") {
    server_under_test server{"thread", "wait", {"--max-wait", "1h", "--grace", "1h"}};
    auto connection = connect_to(server.endpoint());
    send_all(connection, "3600000\n");
    CHECK(eventually([&] { return json_of(server)["states"]["writing"] == 1; }));
    CHECK(json_of(server)["server"]["stopping_seconds"].is_null());
    server.process().signal(SIGTERM);
    CHECK(eventually([&] { return json_of(server)["states"]["finishing"] == 1; }));
    CHECK(json_of(server)["server"]["stopping_seconds"].is_number());
    server.process().signal(SIGTERM); // the second signal ends it at once
    CHECK(server.wait(time_limit).end.exit_code() == 128 + SIGTERM);
}

TEST_CASE("of several servers it lists each, and shows none") {
    server_under_test first{"thread", "echo"}, second{"prefork", "welcome"};
    const auto result = run_top({"--once"});
    CHECK(result.exit_code == 2);
    CHECK(result.output == "");
    CHECK(result.errors.find(fmt::format("{}  model thread, service echo, on {}", first.process().pid(),
                                         first.endpoint().to_string())) != std::string::npos);
    CHECK(result.errors.find(fmt::format("{}  model prefork, service welcome, on {}", second.process().pid(),
                                         second.endpoint().to_string())) != std::string::npos);
}

TEST_CASE("what is wrong is said in one line") {
    CHECK(run_top({std::to_string(getpid())}).errors ==
          fmt::format("parley-top: process {} is no parley-server\n", getpid()));
    CHECK(run_top({"2000000000"}).errors == "parley-top: there is no process 2000000000\n");
    CHECK(run_top({"2000000000"}).exit_code == 1);
    CHECK(run_top({"1", "--interval", "1ms"}).errors == "parley-top: --interval must be from 10ms to 1h\n");
    CHECK(run_top({"many"}).exit_code == 2);
}

TEST_CASE("on a terminal it draws in place, follows its size, and gives it back on q") {
    server_under_test server{"thread", "echo"};
    auto connection = served_client(server.endpoint());
    pseudo_terminal terminal{24, 80};
    const auto before = terminal.settings();
    terminal.start({PARLEY_TOP, std::to_string(server.process().pid()), "--interval", "20ms"});
    CHECK(terminal.shows("model thread, service echo"));
    CHECK(terminal.shows("q quits"));
    CHECK(terminal.shows(address::of_socket(connection.descriptor()).to_string()));
    CHECK_FALSE(terminal.has_shown("pid"));
    terminal.resize(30, 120);
    CHECK(terminal.shows("pid"));
    terminal.type("q");
    CHECK(terminal.end() == "exit code 0");
    CHECK(terminal.has_shown("\x1b[?1049l")); // the normal screen is restored (terminfo(5): rmcup)
    CHECK(terminal.has_shown("\x1b[?25h"));   // the cursor is visible again
    CHECK(terminal.settings() == before);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("on a terminal it ends with the server, and says so") {
    server_under_test server{"prefork", "echo"};
    pseudo_terminal terminal{24, 80};
    terminal.start({PARLEY_TOP, std::to_string(server.process().pid())});
    CHECK(terminal.shows("q quits"));
    CHECK(server.shutdown_problems() == "");
    CHECK(terminal.end() == "exit code 0");
    CHECK(terminal.has_shown(fmt::format("parley-server {} has ended", server.process().pid())));
}

} // namespace parley
