// Tests of the model exec: what a command inherits, how the command and its client see the end, and that no
// process is left.
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temporary_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

using words = std::vector<std::string>;

class exec_server : public server_under_test {
public:
    explicit exec_server(const words& command, words options = {}, const std::string& level = "warn")
        : server_under_test{"exec", "welcome", arguments(command, std::move(options)), level} {
        // This process adopts the orphans of the server, also those in other process groups.
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    }

    /// Also checks for commands in process groups of their own.
    std::string shutdown_problems() {
        auto problems = server_under_test::shutdown_problems();
        if (!is_nothing_left()) problems += "it left a command behind; ";
        return problems;
    }

    /// Waits until all adopted processes have ended.
    static bool is_nothing_left() {
        return eventually([] { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; });
    }

    /// Sends `text` and reads the reply at the same time, and then ends the output.
    [[nodiscard]] std::string answer_to(std::string_view text) const {
        return converse(connect_to(endpoint()), text);
    }

    static std::string converse(connection connection, std::string_view text) {
        std::string answer;
        bool has_shut_down = false;
        for (read_buffer buffer;;) {
            text.remove_prefix(text.empty() ? 0 : connection.write_some(text));
            if (text.empty() && !std::exchange(has_shut_down, true)) connection.shutdown_write();
            wait_for(connection, static_cast<short>(text.empty() ? POLLIN : POLLIN | POLLOUT));
            const auto bytes = connection.read_some(buffer);
            if (bytes && bytes->empty()) return answer;
            if (bytes) answer += *bytes;
        }
    }

    /// Waits until the log contains `text`.
    [[nodiscard]] bool logs(std::string_view text) {
        return eventually([&] { return process().error_output().find(text) != std::string::npos; });
    }

private:
    static words arguments(const words& command, words options) {
        options.push_back("--");
        options.insert(options.end(), command.begin(), command.end());
        return options;
    }
};

/// Parses NAME=VALUE lines.
std::map<std::string, std::string> variables_in(const std::string& text) {
    std::map<std::string, std::string> variables;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        const auto sign = line.find('=');
        variables[line.substr(0, sign)] = line.substr(sign + 1);
    }
    return variables;
}

std::string without_prefix(std::string text) { return text.substr(text.rfind(':') + 1); }

} // namespace

TEST_CASE("the ready line names the command") {
    exec_server server{{"cat"}};
    CHECK(server.ready_line() ==
          fmt::format("listening on {} (model exec, service cat)", server.endpoint().to_string()));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command sees the end of its client's input, and its last words arrive") {
    exec_server server{{"sort"}};
    CHECK(server.answer_to("b\nc\na\n") == "a\nb\nc\n");
    CHECK(server.answer_to("") == "");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a mebibyte goes through a command unchanged") {
    std::string bytes;
    for (unsigned i = 0; bytes.size() != 1 << 20; ++i) bytes += static_cast<char>(i * 2654435761U >> 24);
    exec_server server{{"cat"}};
    CHECK(server.answer_to(bytes) == bytes); // the bytes take all values, also those of no text
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a script is a server") {
    exec_server server{{"python3", "-u", "-c",
                        "import sys\n"
                        "for line in sys.stdin: print('Hello, ' + line.strip().title())"}};
    auto connection = connect_to(server.endpoint());
    for (const std::string name : {"ada", "grace"}) {
        send_all(connection, name + "\n");
        CHECK(read_line(connection) == (name == "ada" ? "Hello, Ada\n" : "Hello, Grace\n"));
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("fifty clients at once have a command each, and no zombie is left") {
    exec_server server{{"cat"}};
    std::vector<connection> connections;
    for (int i = 0; i != 50; ++i) {
        connections.push_back(connect_to(server.endpoint()));
        send_all(connections.back(), fmt::format("client {}\n", i));
    }
    for (int i = 0; i != 50; ++i)
        CHECK(read_line(connections[static_cast<std::size_t>(i)]) == fmt::format("client {}\n", i));
    CHECK(children_of(server.process().pid()).size() == 50);
    connections.clear();
    CHECK(eventually([&] { return children_of(server.process().pid()).empty(); }));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("more clients than there may be commands are served in turn") {
    exec_server server{{"cat"}, {"--max-connections", "2"}};
    std::vector<connection> connections;
    for (int i = 0; i != 10; ++i) {
        connections.push_back(connect_to(server.endpoint()));
        send_all(connections.back(), "x");
        connections.back().shutdown_write();
    }
    for (auto& connection : connections) CHECK(read_to_end(connection) == "x");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command gets its socket, standard error, and no other descriptor") {
    const unique_fd inheritable{open("/dev/null", O_RDONLY)}; // without O_CLOEXEC, so the server inherits it
    exec_server server{{"ls", "-l", "/proc/self/fd"}};
    std::istringstream lines{server.answer_to("")};
    words targets;
    for (std::string line; std::getline(lines, line);)
        if (const auto arrow = line.find(" -> "); arrow != line.npos)
            targets.push_back(fmt::format("{}{}", line[arrow - 1], line.substr(arrow)));
    REQUIRE(targets.size() == 4);
    CHECK(targets[0].starts_with("0 -> socket:"));
    CHECK(targets[1] == "1" + targets[0].substr(1));
    CHECK(targets[2].find("socket:") == std::string::npos);
    CHECK(targets[3].find("/proc/") != std::string::npos); // the folder that ls lists
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command's environment is clean, and names its client") {
    setenv("PARLEY_SECRET", "x", 1);
    setenv("TZ", "UTC", 1);
    exec_server server{{"env"}};
    unsetenv("PARLEY_SECRET");
    auto connection = connect_to(server.endpoint());
    const auto client_address = address::of_socket(connection.descriptor()).to_string();
    auto variables = variables_in(exec_server::converse(std::move(connection), ""));
    CHECK(variables["PROTO"] == "TCP");
    CHECK(variables["TCPLOCALIP"] == own_loopback());
    CHECK(variables["TCPLOCALPORT"] == without_prefix(server.endpoint().to_string()));
    CHECK(variables["TCPREMOTEIP"] == "127.0.0.1");
    CHECK(variables["TCPREMOTEPORT"] == without_prefix(client_address));
    CHECK(variables["TZ"] == "UTC");
    for (const auto& [name, value] : variables) {
        INFO(name);
        CHECK((name.starts_with("TCP") || name == "PROTO" || name == "PATH" || name == "HOME" || name == "TZ" ||
               name == "LANG" || name == "LC_ALL"));
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("over IPv6 and UNIX sockets, the variables have other names") {
    const temporary_folder folder;
    const auto file = folder.file("socket");
    words endpoints{"--listen", "unix:" + file};
    if (has_ipv6()) endpoints.insert(endpoints.end(), {"--listen", "[::1]:0"});
    exec_server server{{"env"}, endpoints};
    const auto on_unix = ready_address(server.process().read_line(time_limit));
    auto variables = variables_in(exec_server::converse(connect_to(on_unix), ""));
    CHECK(variables["PROTO"] == "UNIX");
    CHECK(variables["UNIXLOCALPATH"] == file);
    CHECK(variables["UNIXREMOTEPID"] == std::to_string(getpid()));
    CHECK(variables["UNIXREMOTEEUID"] == std::to_string(geteuid()));
    CHECK(variables["UNIXREMOTEEGID"] == std::to_string(getegid()));
    if (has_ipv6()) {
        const auto on_ipv6 = ready_address(server.process().read_line(time_limit));
        variables = variables_in(exec_server::converse(connect_to(on_ipv6), ""));
        CHECK(variables["PROTO"] == "TCP6");
        CHECK(variables["TCP6LOCALIP"] == "::1");
        CHECK(variables["TCP6REMOTEIP"] == "::1");
        CHECK(variables["TCP6LOCALPORT"] == without_prefix(on_ipv6.to_string()));
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("no signal is blocked or ignored in a command, and it has a process group of its own") {
    exec_server server{{"cat", "/proc/self/status", "/proc/self/stat"}};
    const auto text = server.answer_to("");
    CHECK(text.find("SigBlk:\t0000000000000000\n") != std::string::npos);
    CHECK(text.find("SigIgn:\t0000000000000000\n") != std::string::npos);
    int process = 0, group = 0;
    const auto numbers = text.rfind("(cat)");
    REQUIRE(numbers != std::string::npos);
    CHECK(std::sscanf(text.c_str() + text.rfind('\n', numbers) + 1, "%d (cat) %*c %*d %d", &process, &group) ==
          2);
    CHECK(process == group);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command may have no more descriptors than select can bear") {
    exec_server server{{"sh", "-c", "ulimit -Sn"}};
    CHECK(std::stoi(server.answer_to("")) <= 1024);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("no shell reads the command's arguments") {
    exec_server server{{"echo", "$HOME", "*", "; exit", "a  b"}};
    CHECK(server.answer_to("") == "$HOME * ; exit a  b\n");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command that does not read what it is sent loses no word of its own") {
    exec_server server{{"echo", "read this"}};
    const std::string unwanted(1 << 20, 'x');
    for (int i = 0; i != 20; ++i) {
        auto connection = connect_to(server.endpoint());
        send_all(connection, unwanted); // the reply is on its way already: a reset would drop it
        connection.shutdown_write();
        CHECK(read_to_end(connection) == "read this\n");
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command that ends badly is told of in the log") {
    exec_server server{{"sh", "-c", "read word; test \"$word\" = die && kill -9 $$; exit 3"}, {}, "info"};
    CHECK(server.answer_to("\n") == "");
    CHECK(server.logs("the command ended: exit code 3"));
    CHECK(server.answer_to("die\n") == "");
    CHECK(server.logs("the command ended: killed by SIGKILL"));
    CHECK(server.stop(time_limit).end.exit_code() == 0);
}

TEST_CASE("a command that cannot be run is refused before the server listens") {
    const temporary_folder folder;
    const auto check_refused = [](const std::string& command, std::string_view reason) {
        subprocess server{{PARLEY_SERVER, "--model", "exec", "--listen", "127.0.0.1:0", "--", command},
                          subprocess::errors::kept};
        const auto end = server.wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 1);
        CHECK(server.rest_of_output() == "");
        CHECK(server.error_output() == fmt::format("parley-server: exec {}: {}\n", command, reason));
    };
    check_refused("no-such-command", "No such file or directory");
    check_refused(folder.file("none"), "No such file or directory");
    check_refused(folder.path(), "Permission denied");
    check_refused("/proc/version", "Permission denied");
}

TEST_CASE("a command that vanishes while the server runs costs a line in the log, and its client the reply") {
    const temporary_folder folder;
    const auto script = folder.file("script");
    std::ofstream{script} << "#!/bin/sh\necho here\n";
    chmod(script.c_str(), 0700);
    exec_server server{{script}};
    CHECK(server.answer_to("") == "here\n");
    std::filesystem::remove(script);
    CHECK(server.answer_to("") == "");
#ifndef __SANITIZE_THREAD__ // under ThreadSanitizer vfork(2) is fork(2), so the child cannot report the error
    CHECK(server.logs(fmt::format("exec {}: No such file or directory", script)));
#endif
    CHECK(server.stop(time_limit).end.exit_code() == 0);
}

TEST_CASE("a command on whose connection nothing comes or goes is ended, even one that does not listen") {
    const auto name = [](const words& command) { return fmt::format("{}", fmt::join(command, " ")); };
    for (const words& command :
         {words{"sleep", "1000"}, words{"sh", "-c", "trap '' TERM; sleep 1000; sleep 1000"}}) {
        INFO(name(command));
        exec_server server{command, {"--idle-timeout", "50ms"}};
        auto connection = connect_to(server.endpoint());
        CHECK(read_to_end(connection) == "");
        CHECK(eventually([&] { return children_of(server.process().pid()).empty(); }));
        CHECK(server.shutdown_problems() == "");
    }
}

TEST_CASE("what a command leaves behind may go on sending to the client, and ends with the server") {
    exec_server late_server{{"sh", "-c", "(cat /dev/null; echo late) &"}};
    CHECK(late_server.answer_to("") == "late\n");
    CHECK(late_server.shutdown_problems() == "");
    exec_server silent_server{{"sh", "-c", "sleep 1000 >/dev/null & echo gone"}};
    CHECK(silent_server.answer_to("") == "gone\n");
    CHECK(silent_server.shutdown_problems() == "");
}

TEST_CASE("what a command leaves behind keeps no place from the next client") {
    exec_server server{{"sh", "-c", "sleep 1000 >/dev/null & echo gone"}, {"--max-connections", "1"}};
    for (int client = 0; client != 3; ++client) CHECK(server.answer_to("") == "gone\n");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a stop is the end of the input for commands, and their last words still arrive") {
    exec_server server{{"sort"}};
    auto connection = connect_to(server.endpoint());
    send_all(connection, "b\na\n");
    CHECK(eventually([&] { return children_of(server.process().pid()).size() == 1; }));
    server.process().signal(SIGTERM);
    CHECK(read_to_end(connection) == "a\nb\n");
    CHECK(server.problems_after_exit() == "");
}

TEST_CASE("a command that goes on after a stop is ended with the grace") {
    exec_server server{{"sleep", "1000"}, {"--grace", "50ms"}};
    auto connection = connect_to(server.endpoint());
    CHECK(eventually([&] { return children_of(server.process().pid()).size() == 1; }));
    CHECK(server.shutdown_problems() == "");
    CHECK(read_to_end(connection) == "");
}

TEST_CASE("a server that is killed takes its commands along") {
    exec_server server{{"cat"}};
    auto connection = connect_to(server.endpoint());
    send_all(connection, "x");
    CHECK(read_next(connection) == "x");
    server.process().signal(SIGKILL);
    CHECK(server.wait(time_limit).end.to_string() == "killed by SIGKILL");
    CHECK(read_to_end(connection) == "");
    CHECK(exec_server::is_nothing_left());
}

} // namespace parley
