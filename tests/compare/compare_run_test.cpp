// Tests of the program parley-compare: plans, third-party servers, a run that is resumed, and the comparison
// of two results.
#include "common/process/subprocess.hpp"
#include "common/unique_fd.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unwrapped.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/file.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

constexpr auto time_limit = 100s;

std::vector<std::string> command(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {PARLEY_COMPARE, "--parley-server", PARLEY_SERVER, "--parley-load", PARLEY_LOAD});
    return options;
}

program_result run(std::vector<std::string> options) {
    auto result = run_program(command(std::move(options)), time_limit);
    CHECK_FALSE(result.left_processes);
    return result;
}

nlohmann::json json_in(const std::string& file) {
    nlohmann::json text;
    std::ifstream{file} >> text;
    return text;
}

/// Options for a short run: two servers and one workload with few clients.
const std::vector<std::string> tiny{"--models", "thread,epoll", "--questions", "cpu",    "--rounds",
                                    "1",        "--duration",   "500ms",       "--seed", "7"};

std::vector<std::string> with(std::vector<std::string> options, std::vector<std::string> more_options) {
    options.insert(options.end(), more_options.begin(), more_options.end());
    return options;
}

/// Returns the problems of the measurements, one per line.
std::string problems_of(const nlohmann::json& result) {
    std::string text;
    for (const auto& cell : result.at("cells"))
        if (!cell.at("problem").is_null()) text += cell.at("problem").get<std::string>() + '\n';
    return text;
}

} // namespace

TEST_CASE("a run leaves its plan, its measurements, its result and its report") {
    const temporary_folder folder;
    const auto path = folder.file("run");
    const auto outcome = run(with(tiny, {"--quick", "--output", path}));
    CAPTURE(outcome.output);
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 0);
    CHECK(outcome.output.find("seed 7") != outcome.output.npos);
    CHECK(outcome.output.find("The report: " + path + "/report.html") != outcome.output.npos);
    for (const auto* name : {"plan.json", "cells.jsonl", "result.json", "report.html"})
        CHECK(std::filesystem::file_size(path + "/" + name) > 0);
    const auto result = json_in(path + "/result.json");
    CHECK(result.at("complete") == true);
    CHECK(problems_of(result) == "");
    REQUIRE(result.at("cells").size() == 2);
    for (const auto& cell : result["cells"]) {
        CHECK(cell.at("server").at("connections") > 0);
        CHECK(cell.at("server").at("page_faults") > 0);
        // If they can be counted: each request needs at least one receive and one send.
        if (const auto& calls = cell["server"]["priming_calls"]; !calls.is_null())
            CHECK(calls.get<int>() >= 2 * cell["server"]["priming_requests"].get<int>());
        // A model with a thread per connection has no shares.
        CHECK(cell.at("workers").size() == (cell.at("contender") == "epoll" ? 1 : 0));
        CHECK(cell.at("start_ms") > 0);
    }

    SUBCASE("its plan is a plan file") {
        const auto second = run({"--plan", path + "/plan.json", "--output", folder.file("again")});
        CAPTURE(second.errors);
        CHECK(second.code == 0);
        CHECK(json_in(folder.file("again") + "/result.json").at("plan") == result.at("plan"));
    }
    SUBCASE("it is not overwritten") {
        const auto second = run(with(tiny, {"--output", path}));
        CHECK(second.code == 2);
        CHECK(second.errors.find("contains a run already: continue it with --resume") != second.errors.npos);
    }
    SUBCASE("what is missing is measured when it goes on") {
        std::ifstream lines{path + "/cells.jsonl"};
        std::string first;
        std::getline(lines, first);
        std::ofstream{path + "/cells.jsonl"} << first << "\n{\"round\": 1, \"cut o";
        const auto resumed = run({"--resume", path});
        CAPTURE(resumed.errors);
        CHECK(resumed.code == 0);
        const auto complete = json_in(path + "/result.json");
        CHECK(complete.at("complete") == true);
        CHECK(complete.at("cells").size() == 2);
        CHECK(complete.at("cells").at(0).dump() == nlohmann::json::parse(first).dump());
    }
    SUBCASE("it does not go on with another build, on another machine, or next to another run") {
        const auto refused = [&](const char* reason) {
            const auto second = run({"--resume", path});
            CAPTURE(second.errors);
            CHECK(second.code == 2);
            CHECK(second.errors.find(reason) != second.errors.npos);
            CHECK(std::count(second.errors.begin(), second.errors.end(), '\n') == 1);
        };
        const auto cells = path + "/cells.jsonl";
        std::string line;
        std::getline(std::ifstream{cells} >> std::ws, line);
        std::ofstream{cells} << line << '\n'; // one measurement is missing
        const auto plan = json_in(path + "/plan.json");
        const auto with_plan = [&](const char* pointer, const nlohmann::json& value) {
            auto changed = plan;
            changed.at(nlohmann::json::json_pointer{pointer}) = value;
            std::ofstream{path + "/plan.json"} << changed;
        };
        with_plan("/programs/parley-server", "0123");
        refused("another build of parley-server");
        with_plan("/machine/processor", "Z80");
        refused("another machine (Z80");
        with_plan("/begun", "today");
        const unique_fd lock{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        REQUIRE(flock(lock.get(), LOCK_EX) == 0);
        refused("another parley-compare uses");
        flock(lock.get(), LOCK_UN);
        std::ofstream{cells, std::ios::app} << line << '\n';
        refused("twice");
    }
    SUBCASE("it can be compared with another") {
        const auto json = folder.file("diff.json");
        const auto difference = run({"--diff", path, path + "/result.json", "--json", json});
        CAPTURE(difference.errors);
        CHECK(difference.code == 0);
        CHECK(unwrapped(difference.output).find("better in 0, worse in 0") != std::string::npos);
        CHECK(json_in(json).at("figures").size() > 0);
    }
}

TEST_CASE("a server of others is told its port, and is ready when that accepts") {
    const temporary_folder folder;
    const auto server =
        std::string{PARLEY_SERVER} + " --model epoll --service echo --listen 127.0.0.1:{port} >/dev/null";
    const auto outcome = run({"--models",    "thread",     "--server",      "mine=" + server,
                              "--baseline",  "mine",       "--connections", "3",
                              "--service",   "echo",       "--size",        "10",
                              "--workloads", "long-lived", "--rounds",      "1",
                              "--duration",  "500ms",      "--output",      folder.file("run")});
    CAPTURE(outcome.output);
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 0);
    CHECK(outcome.output.find("\nmine ") != outcome.output.npos);
    const auto result = json_in(folder.file("run") + "/result.json");
    CHECK(problems_of(result) == "");
    for (const auto& cell : result.at("cells")) CHECK(cell.at("left_cleanly") == true);
}

TEST_CASE("a server that waits for whole lines is compared with lines, and else a row that says so") {
    const temporary_folder folder;
    const auto script = folder.file("lines.py");
    std::ofstream{script} << R"(import socketserver, sys
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Lines).serve_forever()
)";
    const auto run_lines = [&](std::vector<std::string> options) {
        return run(with({"--models", "", "--server", "lines=python3 " + script + " {port}", "--rounds", "1",
                         "--workloads", "long-lived", "--connections", "2", "--duration", "500ms"},
                        std::move(options)));
    };
    const auto bytes = run_lines({"--output", folder.file("bytes")});
    CHECK(bytes.code == 1);
    CHECK(unwrapped(bytes.output).find("if the server waits for whole lines: --lines") != std::string::npos);
    const auto lines = run_lines({"--lines", "--output", folder.file("lines")});
    CAPTURE(lines.output);
    CHECK(lines.code == 0);
    CHECK(unwrapped(lines.output).find("echo, 64 bytes and a newline, 2 connections") != std::string::npos);
    CHECK(problems_of(json_in(folder.file("lines") + "/result.json")) == "");
}

/// Returns the command of an echo server with a thread per connection. It runs `before` at its start and
/// `with` after each reply.
std::string python_echo(const std::string& script, const std::string& before, const std::string& after_reply) {
    std::ofstream{script} << "import os, socketserver, sys, time\n"
                          << before << R"(
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
            )" << after_reply
                          << R"(
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
)";
    return "python3 " + script + " {port}";
}

program_result run_foreign(const std::string& server, const std::string& path) {
    return run({"--models", "", "--server", "mine=" + server, "--rounds", "1", "--workloads", "long-lived",
                "--connections", "2", "--duration", "500ms", "--output", path});
}

TEST_CASE("a name that is no UTF-8 ends no comparison") {
    const temporary_folder folder;
    const auto outcome = run({"--models", "", "--server", "b\xff\xfe=exit {port}", "--rounds", "1",
                              "--workloads", "long-lived", "--output", folder.file("run")});
    CHECK(outcome.code == 1);
    CHECK(outcome.errors == "");
    CHECK(json_in(folder.file("run") + "/result.json").at("cells").size() == 1);
    CHECK(run({"--resume", folder.file("run")}).code == 1);
}

TEST_CASE("a server may print as much as it likes") {
    const temporary_folder folder;
    const auto outcome = run_foreign(
        python_echo(folder.file("chatty.py"), "", "for to in (1, 2): os.write(to, b'answered ' * 500)"),
        folder.file("run"));
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 0);
    CHECK(problems_of(json_in(folder.file("run") + "/result.json")) == "");
}

TEST_CASE("a server is ended by a signal to its whole group, as a shell's child") {
    const temporary_folder folder;
    python_echo(folder.file("echo.py"), "", "pass");
    const auto outcome =
        run_foreign("cd " + folder.file("") + " && python3 echo.py {port}", folder.file("run"));
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 0);
    const auto result = json_in(folder.file("run") + "/result.json");
    CHECK(problems_of(result) == "");
    CHECK(result.at("cells").at(0).at("left_cleanly") == true);
}

TEST_CASE("what a server leaves outside of its process group is counted, ended and said") {
    const temporary_folder folder;
    const auto pid_file = folder.file("pid");
    const auto server = python_echo(folder.file("daemon.py"),
                                    "if os.fork(): time.sleep(3600)\n"
                                    "os.setsid()\n"
                                    "open('" +
                                        pid_file + "', 'w').write(str(os.getpid()))",
                                    "pass");
    const auto outcome = run_foreign(server, folder.file("run"));
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 1);
    const auto result = json_in(folder.file("run") + "/result.json");
    CHECK(problems_of(result) == "the server left processes behind\n");
    const auto& server_usage = result.at("cells").at(0).at("server");
    CHECK(server_usage.at("cpu_when_loaded_us") > server_usage.at("cpu_when_ready_us"));
    pid_t daemon = 0;
    std::ifstream{pid_file} >> daemon;
    REQUIRE(daemon > 0);
    CHECK(kill(daemon, 0) == -1);
    CHECK(errno == ESRCH);
}

TEST_CASE("a server that goes into the background is ended, and told to stay") {
    const temporary_folder folder;
    const auto server = python_echo(folder.file("daemon.py"), "if os.fork(): os._exit(0)\nos.setsid()", "pass");
    const auto outcome = run_foreign(server, folder.file("run"));
    CHECK(outcome.code == 1);
    CHECK(unwrapped(outcome.output)
              .find("the server went into the background: start it so that it stays in the foreground") !=
          std::string::npos);
}

TEST_CASE("a server that never accepts at its port is a row with its reason") {
    const temporary_folder folder;
    const auto outcome = run({"--models", "", "--server", "exit {port}", "--rounds", "1", "--workloads",
                              "long-lived", "--output", folder.file("run")});
    CHECK(outcome.code == 1);
    CHECK(unwrapped(outcome.output).find("the server left before it accepted") != std::string::npos);
}

TEST_CASE("services, levels, sizes and lifetimes make a plan of their own: their product") {
    const temporary_folder folder;
    const auto outcome = run({"--models", "epoll", "--service", "echo,pi", "--connections", "1,4", "--size",
                              "8,16", "--workloads", "long-lived,one-request", "--rounds", "1", "--duration",
                              "400ms", "--output", folder.file("run")});
    CAPTURE(outcome.errors);
    const auto result = json_in(folder.file("run") + "/result.json");
    CHECK(problems_of(result) == "");
    CHECK(outcome.code == 0);
    // Echo has two sizes, pi none: (2 + 1) x 2 levels x 2 lifetimes.
    CHECK(result.at("cells").size() == 12);
}

TEST_CASE("long work next to small requests, and what cannot be served, are measured") {
    const temporary_folder folder;
    const auto outcome = run({"--models", "iterative,epoll,loop-pool", "--questions", "stall,cpu", "--rounds",
                              "1", "--duration", "500ms", "--output", folder.file("run")});
    CAPTURE(outcome.output);
    CAPTURE(outcome.errors);
    CHECK(outcome.code == 0);
    int cells_with_work = 0;
    const auto result = json_in(folder.file("run") + "/result.json");
    for (const auto& cell : result.at("cells")) cells_with_work += cell.at("workload") == "stall-2" ? 1 : 0;
    CHECK(cells_with_work == 2);
    int empty = 0;
    for (const auto& cell : result.at("cells"))
        if (cell.at("contender") == "iterative") empty += cell.at("load").at("served") == 1 ? 1 : 0;
    CHECK(empty == 1);
}

} // namespace parley
