// Tests of the server's start with closed descriptors, ignored or blocked signals, or full output.
#include "common/process/subprocess.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_client.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <optional>
#include <signal.h>
#include <sys/stat.h>

namespace parley {

namespace {

/// A server that a shell starts, because a shell can close descriptors and ignore signals. It listens on a
/// UNIX socket, since it may not be able to print its port.
class started_server {
public:
    /// `redirections`: what the shell does to the descriptors, as in "<&- >&-". `launcher`: a command that
    /// starts the server.
    explicit started_server(std::string_view redirections, const std::vector<std::string>& options = {},
                            std::string_view launcher = "")
        : process_{command(redirections, options, launcher), subprocess::errors::kept} {}

    /// Connects as soon as the server listens.
    connection connect() {
        const auto endpoint = address::resolve("unix:" + folder_.file("socket")).front();
        std::optional<connection> connection;
        const bool connected = eventually([&] {
            try {
                connection = connect_to(endpoint);
            } catch (const std::exception&) {
            }
            return connection.has_value();
        });
        if (!connected) throw std::runtime_error("it does not listen: " + process_.error_output());
        return std::move(*connection);
    }

    subprocess& process() { return process_; }

    /// Requests a shutdown and returns how the server ended.
    std::string end() {
        process_.signal(SIGTERM);
        const auto end = process_.wait(time_limit);
        return end ? end->to_string() : "it does not end";
    }

private:
    std::vector<std::string> command(std::string_view redirections, const std::vector<std::string>& options,
                                     std::string_view launcher) {
        std::vector<std::string> command{"sh",
                                         "-c",
                                         fmt::format("exec {} \"$@\" {}", launcher, redirections),
                                         "sh",
                                         PARLEY_SERVER,
                                         "--listen",
                                         "unix:" + folder_.file("socket")};
        command.insert(command.end(), options.begin(), options.end());
        return command;
    }

    temporary_folder folder_;
    subprocess process_;
};

std::string target_of(pid_t process, int descriptor) {
    return std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", process, descriptor));
}

} // namespace

TEST_CASE("standard descriptors that are closed become /dev/null, and no socket") {
    for (const auto* closed : {"<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"}) {
        INFO(closed);
        started_server server{closed, {"--service", "echo", "--model", "fork"}};
        auto connection = server.connect();
        send_all(connection, "x");
        CHECK(read_next(connection) == "x");
        for (int descriptor = 0; descriptor != 3; ++descriptor)
            CHECK(!target_of(server.process().pid(), descriptor).starts_with("socket:"));
        CHECK(target_of(server.process().pid(), 0) == "/dev/null");
        CHECK(server.end() == "exit code 0");
    }
}

TEST_CASE("a command has its socket even where the server has no standard descriptors") {
    started_server server{"<&- >&- 2>&-", {"--model", "exec", "--", "sh", "-c", "ls /no/such/file; cat"}};
    auto connection = server.connect();
    send_all(connection, "x");
    connection.shutdown_write();
    CHECK(read_to_end(connection) == "x"); // and not the error message of ls
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("a server whose output is full serves as well") {
    started_server server{">/dev/full 2>/dev/full", {"--service", "echo"}};
    auto connection = server.connect();
    send_all(connection, "x");
    CHECK(read_next(connection) == "x");
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("a log whose reader is stuck, or has gone away, does not keep a server from serving") {
    const temporary_folder folder;
    const auto file = folder.file("log");
    REQUIRE(mkfifo(file.c_str(), 0600) == 0);
    unique_fd reader{::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    started_server server{"2>" + file, {"--service", "echo", "--log-level", "debug"}};
    const auto serve_many = [&] { // logs more than a pipe takes (pipe(7): 64 KiB)
        for (int client = 0; client != 600; ++client) {
            auto connection = server.connect();
            send_all(connection, "x");
            REQUIRE(read_next(connection) == "x");
        }
    };
    serve_many();
    reader.reset();
    serve_many();
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("signals that were ignored or blocked before serve as well") {
    for (const auto* launcher :
         {"env --ignore-signal=CHLD,HUP,TERM,ALRM,USR1", "env --block-signal=CHLD,TERM,INT,ALRM,USR1"}) {
        for (const auto* model : {"fork", "prefork", "thread", "epoll"}) {
            INFO(launcher, " ", model);
            started_server server{"", {"--model", model, "--service", "echo", "--workers", "2"}, launcher};
            auto connection = server.connect();
            send_all(connection, "x");
            CHECK(read_next(connection) == "x");
            CHECK(server.end() == "exit code 0");
        }
    }
}

TEST_CASE("a command gets signals as they should be, whatever the server has got") {
    started_server server{"",
                          {"--model", "exec", "--", "cat", "/proc/self/status"},
                          "env --ignore-signal=CHLD,HUP,QUIT --block-signal=INT"};
    auto connection = server.connect();
    const auto text = read_to_end(connection);
    CHECK(text.find("SigBlk:\t0000000000000000\n") != std::string::npos);
    CHECK(text.find("SigIgn:\t0000000000000000\n") != std::string::npos);
    CHECK(server.end() == "exit code 0");
}

TEST_CASE("a terminal that hangs up stops a server, unless that was to be ignored") {
    for (const auto* model : {"fork", "thread", "epoll"}) {
        CAPTURE(model);
        started_server server{"", {"--model", model, "--service", "echo"}};
        auto connection = server.connect();
        send_all(connection, "x");
        CHECK(read_next(connection) == "x");
        server.process().signal_group(SIGHUP); // as a terminal does (termios(3), SIGHUP)
        const auto end = server.process().wait(time_limit);
        REQUIRE(end);
        CHECK(end->to_string() == "exit code 0");
    }
    started_server server{"", {"--service", "echo"}, "nohup"};
    auto connection = server.connect();
    send_all(connection, "x");
    CHECK(read_next(connection) == "x");
    server.process().signal_group(SIGHUP);
    send_all(connection, "y");
    CHECK(read_next(connection) == "y");
    CHECK(server.end() == "exit code 0");
}

} // namespace parley
