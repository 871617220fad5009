// Tests of --metrics: the text for Prometheus, and the replies of a running server over HTTP.
#include "common/process/process_usage.hpp"
#include "server/metrics/exposition.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <optional>
#include <regex>
#include <sstream>
#include <sys/mman.h>

namespace parley {

namespace {

constexpr std::string_view announcement = "metrics on http://";

/// A server with metrics, and the address of the metrics.
struct measured_server {
    explicit measured_server(std::string_view model)
        : server{model, "echo", {"--workers", "2", "--metrics", "127.0.0.1:0"}} {
        const auto line = server.process().read_line(time_limit);
        REQUIRE(line.starts_with(announcement));
        REQUIRE(line.ends_with("/metrics"));
        endpoint =
            address::resolve(line.substr(announcement.size(), line.rfind('/') - announcement.size())).front();
    }

    /// Sends a request and returns the whole reply.
    [[nodiscard]] std::string ask(std::string_view request) const {
        auto connection = connect_to(endpoint);
        send_all(connection, request);
        return read_to_end(connection);
    }
    [[nodiscard]] std::string scrape() const { return ask("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"); }

    /// Returns the value of the sample with that name and labels.
    [[nodiscard]] std::optional<double> value(std::string_view sample) const {
        std::istringstream lines{scrape()};
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(sample) && line[sample.size()] == ' ')
                return std::stod(line.substr(sample.size()));
        return std::nullopt;
    }

    server_under_test server;
    address endpoint;
};

scoreboard_snapshot snapshot_of_workers(int count) {
    scoreboard_snapshot snapshot;
    for (int number = 1; number <= count; ++number) {
        auto& slot = snapshot.workers.emplace_back();
        slot.number = number;
        slot.process = 1;
        slot.now = activity::writing;
        slot.counted.requests = 7;
        snapshot.all.add(slot.counted);
    }
    return snapshot;
}

} // namespace

TEST_CASE("every metric has help and a type, and every counter ends in _total") {
    std::istringstream lines{metrics_of({}, snapshot_of_workers(3))};
    const std::regex help{"# HELP (parley_[a-z_]+) [A-Z0-9].*\\."},
        type{"# TYPE (parley_[a-z_]+) (gauge|counter)"},
        sample{R"((parley_[a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)"};
    std::string described, typed;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        std::smatch match;
        if (std::regex_match(line, match, help)) {
            described = match[1];
        } else if (std::regex_match(line, match, type)) {
            typed = match[1];
            CHECK(typed == described);
            CHECK(typed.ends_with("_total") == (match[2] == "counter"));
        } else {
            CHECK(std::regex_match(line, match, sample));
            CHECK(match[1] == typed);
        }
    }
}

TEST_CASE("what stands in a label is escaped") {
    const auto text = metrics_of(
        {.process = 1, .version = "1", .model = "a\"b\\c\nd", .service = "\x1b", .addresses = {}}, {});
    CHECK(text.find(R"(parley_info{model="a\"b\\\\c\\nd",service="\\x1b",version="1"} 1)") !=
          std::string::npos);
}

TEST_CASE("a server of many workers does not make as many time series") {
    const auto text = metrics_of({}, snapshot_of_workers(10'000));
    CHECK(text.find("parley_requests_total 70000\n") != std::string::npos);
    CHECK(text.find("parley_workers{state=\"writing\"} 10000\n") != std::string::npos);
    CHECK(text.find("parley_worker_requests_total{worker=\"64\"} 7\n") != std::string::npos);
    CHECK(text.find("{worker=\"65\"}") == std::string::npos);
}

TEST_CASE("a running server is scraped, whatever its model") {
    for (const auto* model : {"thread", "prefork", "fork", "epoll"}) {
        CAPTURE(model);
        const measured_server measured{model};
        auto& server = const_cast<server_under_test&>(measured.server);
        {
            auto connection = connect_to(server.endpoint());
            send_all(connection, "hello\n");
            CHECK(read_line(connection) == "hello\n");
            CHECK(eventually([&] { return measured.value("parley_requests_total") == 1; }));
            CHECK(measured.value("parley_connections_total") == 1);
            CHECK(measured.value("parley_connections_open") == 1);
            CHECK(measured.value("parley_bytes_received_total") == 6);
            CHECK(measured.value("parley_bytes_sent_total") == 6);
            CHECK(measured.value("parley_workers{state=\"idle\"}") == 1);
            CHECK(measured.value("parley_stopping") == 0);
            const auto info = fmt::format("parley_info{{model=\"{}\",service=\"echo\",version=", model);
            CHECK(measured.scrape().find(info) != std::string::npos);
        }
        CHECK(eventually([&] { return measured.value("parley_connections_open") == 0; }));
        CHECK(server.shutdown_problems() == "");
        CHECK_THROWS_AS((void)connect_to(measured.endpoint), std::system_error);
    }
}

TEST_CASE("other paths get a hint, other requests a refusal") {
    measured_server measured{"thread"};
    CHECK(measured.scrape().starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(measured.scrape().find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
    const auto other_path = measured.ask("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK(other_path.starts_with("HTTP/1.1 404 "));
    CHECK(other_path.ends_with("The metrics are at /metrics.\n"));
    CHECK(measured.ask("POST /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx")
              .starts_with("HTTP/1.1 4"));
    CHECK(measured.ask("nonsense\r\n\r\n").find(" 400 ") != std::string::npos);
    CHECK(measured.server.shutdown_problems() == "");
}

TEST_CASE("slow clients, and requests without an end, do not keep a scrape from its reply") {
    measured_server measured{"epoll"};
    std::vector<connection> slow;
    for (int client = 0; client != 20; ++client) {
        slow.push_back(connect_to(measured.endpoint));
        send_all(slow.back(), client % 2 == 0 ? "GET /metr" : "GET /metrics HTTP/1.1\r\nX: x");
    }
    auto endless = connect_to(measured.endpoint);
    send_all(endless, std::string(300'000, 'x')); // longer than a line may be, and without an end
    CHECK(measured.scrape().starts_with("HTTP/1.1 200 OK\r\n"));
    std::string long_request = "GET /metrics HTTP/1.1\r\n";
    for (int header = 0; header != 200; ++header) long_request += "X: x\r\n";
    CHECK(measured.ask(long_request + "\r\n").starts_with("HTTP/1.1 431 "));
    const auto head = measured.ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(measured.server.shutdown_problems() == "");
}

TEST_CASE("a worker of the metrics that is killed is replaced") {
    measured_server measured{"fork"};
    const auto worker = [&]() -> pid_t {
        for (const auto& program : children_of(measured.server.process().pid()))
            for (const auto& child : children_of(program.process)) return child.process;
        return 0;
    };
    REQUIRE(eventually([&] { return worker() > 0; }));
    const auto first = worker();
    kill(first, SIGKILL);
    CHECK(eventually([&] { return worker() > 0 && worker() != first; }));
    CHECK(measured.scrape().starts_with("HTTP/1.1 200 OK\r\n"));
    measured.server.process().signal(SIGTERM);
    const auto result = measured.server.wait(time_limit);
    CHECK(result.end.exit_code() == 0);
    CHECK_FALSE(result.left_processes);
}

TEST_CASE("the metrics go on if their whole program is killed, and end with the server") {
    for (const auto* model : {"epoll", "fork"}) {
        CAPTURE(model);
        measured_server measured{model};
        const auto server = measured.server.process().pid();
        const auto first = children_of(server).front().process;
        REQUIRE(eventually([&] { return children_of(first).size() == 1; }));
        const auto worker = children_of(first).front().process;
        kill(first, SIGKILL);
        // The worker has taken over and has a child.
        CHECK(eventually([&] { return children_of(worker).size() == 1; }));
        CHECK(measured.scrape().starts_with("HTTP/1.1 200 OK\r\n"));
        measured.server.process().signal(SIGTERM);
        CHECK(measured.server.wait(time_limit).end.exit_code() == 0);
        CHECK(measured.server.process().error_output().find("parley-metrics was killed: it begins again") !=
              std::string::npos);
        CHECK(eventually([&] { return !process_exists(worker) || processes_in_group(first).empty(); }));
    }
}

TEST_CASE("the program for metrics has no listening socket of the server, and dies with it") {
    measured_server measured{"prefork"};
    const auto server = measured.server.process().pid();
    // parley-metrics ends with its server, however that dies. Then the server's port is free again.
    measured.server.process().signal(SIGKILL);
    CHECK(measured.server.wait(time_limit).end.to_string() == "killed by SIGKILL");
    CHECK(eventually([&] {
        try {
            (void)connect_to(measured.endpoint);
            return false;
        } catch (const std::system_error&) {
            return true;
        }
    }));
    CHECK(eventually([&] { return processes_in_group(server).empty(); }));
    CHECK_NOTHROW((listener{measured.server.endpoint(), {}}));
}

TEST_CASE("a server whose program for metrics was killed goes on, and leaves well") {
    for (const auto* model : {"thread", "fork"}) {
        CAPTURE(model);
        measured_server measured{model};
        auto& server = measured.server;
        for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
            std::ifstream name{entry.path() / "comm"}, status{entry.path() / "stat"};
            std::string program, pid, comm, state, parent;
            if (std::getline(name, program) && program == "parley-metrics" &&
                status >> pid >> comm >> state >> parent && parent == std::to_string(server.process().pid()))
                kill(std::stoi(pid), SIGKILL);
        }
        for (int i = 0; i < 3; ++i) {
            auto connection = connect_to(server.endpoint());
            send_all(connection, "hello\n");
            CHECK(read_line(connection) == "hello\n");
        }
        server.process().signal(SIGTERM);
        CHECK(server.wait(time_limit).end.exit_code() == 0);
    }
}

TEST_CASE("where the metrics cannot be served the server does not begin") {
    const listener occupant{address::resolve("127.0.0.1:0").front(), {}};
    const auto endpoint = occupant.addresses().front().to_string();
    const auto run = [](const std::string& metrics_address) {
        subprocess server{{PARLEY_SERVER, "--listen", "127.0.0.1:0", "--metrics", metrics_address},
                          subprocess::errors::kept};
        const auto end = server.wait(time_limit);
        return fmt::format("{}: {}{}", end ? end->to_string() : "runs", server.rest_of_output(),
                           server.error_output());
    };
    CHECK(run(endpoint) ==
          fmt::format("exit code 1: parley-server: bind {}: Address already in use\n", endpoint));
    CHECK(run("unix:/tmp/x") ==
          "exit code 2: parley-server: --metrics unix:/tmp/x: write HOST:PORT, as in 127.0.0.1:9100\n");
}

TEST_CASE("promtool accepts the text") {
    measured_server measured{"prefork"};
    const auto answer = measured.scrape();
    const unique_fd file{memfd_create("metrics", MFD_CLOEXEC)};
    const auto text = answer.substr(answer.find("\r\n\r\n") + 4);
    CHECK(pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    try {
        subprocess promtool{{"promtool", "check", "metrics"}, subprocess::errors::kept, file.get()};
        const auto end = promtool.wait(time_limit);
        CHECK(end->to_string() == "exit code 0");
        CHECK(promtool.error_output() == "");
        CHECK(promtool.rest_of_output() == "");
    } catch (const std::system_error&) {
        MESSAGE("skipped: there is no promtool (Debian's package prometheus)");
    }
    CHECK(measured.server.shutdown_problems() == "");
}

} // namespace parley
