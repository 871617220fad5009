// Tests of systemd's protocols (sd_listen_fds(3), sd_notify(3)). The test plays systemd's side, so no systemd
// is needed. Its own tool is tested too if it is installed.
#include "server/host/systemd.hpp"
#include "server/model.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sys/un.h>

namespace parley {

namespace {

constexpr int first = 3; // the first passed descriptor (SD_LISTEN_FDS_START)

unique_fd open_listening_socket(const std::string& endpoint = "127.0.0.1:0", bool shared_port = false) {
    return open_socket(address::resolve(endpoint).front(), {.shared_port = shared_port});
}

/// Calls `body` in a process of its own, which has `descriptors` from 3 on and the variables that say so.
std::string run_with_passed(const std::vector<int>& descriptors, std::string count,
                            const std::function<void()>& body) {
    return run_in_fork([&] {
        std::vector<unique_fd> copies;
        for (const int descriptor : descriptors)
            copies.emplace_back(check("fcntl", [&] { return fcntl(descriptor, F_DUPFD, 100); }));
        int next = first;
        for (const auto& copy : copies) check("dup2", [&] { return dup2(copy.get(), next++); });
        setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        setenv("LISTEN_FDS", count.c_str(), 1);
        setenv("LISTEN_FDNAMES", "web", 1);
        body();
        for (const auto* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
            require(!getenv(variable), "the variables are gone");
    });
}

std::string error_of_passed(int type) {
    try {
        return fmt::format("{} sockets", systemd::take_sockets(type).size());
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

/// Returns what take_sockets(SOCK_STREAM) says about that descriptor.
std::string error_about(int descriptor, const std::string& count = "1") {
    std::string reply;
    const unique_fd file{memfd_create("told", 0)};
    CHECK(run_with_passed({descriptor}, count, [&] {
              const auto text = error_of_passed(SOCK_STREAM);
              (void)!write(file.get(), text.data(), text.size());
          }) == "exit 0");
    char text[256];
    const auto size = pread(file.get(), text, sizeof text, 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

/// Returns a command that starts a server with `socket` as descriptor 3, as systemd would. `launcher` may be
/// a command that starts the server.
std::vector<std::string> activation_command(const unique_fd& socket, const std::vector<std::string>& arguments,
                                            std::string_view launcher = "") {
    REQUIRE(socket.get() < 10); // a shell's redirection takes one digit
    std::vector<std::string> command{
        "sh", "-c",
        fmt::format("export LISTEN_PID=$$ LISTEN_FDS=1; exec {} \"$@\" 3<&{}", launcher, socket.get()), "sh",
        PARLEY_SERVER};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

unique_fd inheritable(unique_fd socket) {
    return unique_fd{check("fcntl", [&] { return fcntl(socket.get(), F_DUPFD, 4); })};
}

std::string echo_through(const address& endpoint) {
    auto connection = connect_to(endpoint);
    send_all(connection, "x");
    connection.shutdown_write();
    return read_to_end(connection);
}

/// The service manager's end of NOTIFY_SOCKET.
class service_manager {
public:
    explicit service_manager(const std::string& name) {
        sockaddr_un un{};
        un.sun_family = AF_UNIX;
        name.copy(un.sun_path, sizeof un.sun_path - 1);
        if (name[0] == '@') un.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        check("bind", name, [&] { return bind(socket_.get(), reinterpret_cast<const sockaddr*>(&un), size); });
    }

    /// Returns a message that has arrived already, or an empty text.
    std::string received() {
        char text[256];
        const auto size = recv(socket_.get(), text, sizeof text, MSG_DONTWAIT);
        return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }

    /// Waits for the next message. Returns an empty text if none arrives in time.
    std::string next() {
        pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        poll(&ready, 1, std::chrono::milliseconds{time_limit}.count());
        return received();
    }

private:
    unique_fd socket_{check("socket", [] { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
};

} // namespace

TEST_CASE("sockets that are passed are taken, made ours, and told of to nobody else") {
    const auto first_socket = open_listening_socket(), second_socket = open_listening_socket();
    fcntl(first_socket.get(), F_SETFL, O_NONBLOCK);
    CHECK(run_with_passed({first_socket.get(), second_socket.get()}, "2", [] {
              const auto sockets = systemd::take_sockets(SOCK_STREAM);
              require(sockets.size() == 2 && sockets[0].get() == first && sockets[1].get() == first + 1,
                      "both, in order");
              for (const auto& socket : sockets) {
                  require(fcntl(socket.get(), F_GETFD) == FD_CLOEXEC, "close-on-exec");
                  require((fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0, "its calls block");
              }
          }) == "exit 0");
}

TEST_CASE("what was meant for another process is left alone") {
    const auto socket = open_listening_socket();
    CHECK(run_with_passed({socket.get()}, "1", [] {
              setenv("LISTEN_PID", "1", 1);
              require(systemd::take_sockets(SOCK_STREAM).empty(), "none");
              require(fcntl(first, F_GETFD) == 0, "untouched");
          }) == "exit 0");
    CHECK(run_in_fork([] { require(systemd::take_sockets(SOCK_STREAM).empty(), "none"); }) == "exit 0");
}

TEST_CASE("a descriptor that nobody can be served from is named, with what is wrong") {
    const std::string about_3 = "LISTEN_FDS=1: descriptor 3 (of web) ";
    const unique_fd file{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    CHECK(error_about(file.get()) == about_3 + "is no socket");
    const unique_fd datagrams{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    CHECK(error_about(datagrams.get()) ==
          about_3 + "is no stream socket: write ListenStream=, or choose the model datagram");
    const unique_fd not_listening{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(error_about(not_listening.get()) == about_3 + "does not listen: write Accept=no");
    const auto good = open_listening_socket();
    CHECK(error_about(good.get()) == "1 sockets");
    CHECK(error_about(good.get(), "0") == "0 sockets");
    CHECK(error_about(good.get(), "x") == "LISTEN_FDS=x is no number");
    CHECK(error_about(good.get(), "-1") == "LISTEN_FDS=-1 is no number");
    CHECK(run_with_passed({good.get()}, "2", [&] {
              close_range(first + 1, ~0U, 0);
              require(error_of_passed(SOCK_STREAM) == "LISTEN_FDS=2: descriptor 4 (of web) is not open",
                      "one is missing");
          }) == "exit 0");
    CHECK(run_with_passed({good.get()}, "1", [&] {
              require(error_of_passed(SOCK_DGRAM) == about_3 + "is no datagram socket: write ListenDatagram=",
                      "a stream socket instead of a datagram socket");
          }) == "exit 0");
}

TEST_CASE("every model serves from a socket that was passed, and leaves it as it was") {
    for (const auto& model : models()) {
        if (model.datagrams || model.commands || !model.obstacle().empty()) continue;
        for (const auto accept : model.accepts) {
            INFO(model.name, " ", name_of(accept));
            const auto socket = inheritable(open_listening_socket());
            const auto endpoint = address::of_socket(socket.get());
            subprocess server{
                activation_command(socket, {"--model", std::string{model.name}, "--service", "echo", "--accept",
                                            std::string{name_of(accept)}, "--workers", "2"}),
                subprocess::errors::kept};
            CHECK(server.read_line(time_limit) ==
                  fmt::format("listening on {} (model {}, service echo)", endpoint.to_string(), model.name));
            for (int i = 0; i != 3; ++i) CHECK(echo_through(endpoint) == "x");
            server.signal(SIGTERM);
            const auto end = server.wait(time_limit);
            CHECK((end && end->exit_code() == 0));
            CHECK(server.error_output() == "");
            const auto pending = connect_to(endpoint); // stays in the backlog for the next server
        }
    }
}

TEST_CASE("several loops serve from a socket that was passed with ReusePort=yes, whoever opened it") {
    // Additional sockets would have to be opened by the same user, and their clients would be lost at the
    // server's end.
    const auto* launcher = geteuid() == 0 ? "setpriv --reuid=65534 --clear-groups" : "";
    for (const auto* model : {"loops", "coroutine", "prefork"}) {
        INFO(model);
        const auto socket = inheritable(open_listening_socket("127.0.0.1:0", true));
        const auto endpoint = address::of_socket(socket.get());
        subprocess server{activation_command(socket,
                                             {"--model", model, "--service", "echo", "--accept", "reuseport",
                                              "--workers", "2"},
                                             launcher),
                          subprocess::errors::kept};
        CHECK(server.read_line(time_limit).starts_with("listening on "));
        for (int i = 0; i != 4; ++i) CHECK(echo_through(endpoint) == "x");
        server.signal(SIGTERM);
        const auto end = server.wait(time_limit);
        CHECK((end && end->exit_code() == 0));
        CHECK(server.error_output() == "");
        for (int i = 0; i != 4; ++i) const auto pending = connect_to(endpoint);
    }
}

TEST_CASE("the model datagram serves from a datagram socket that was passed") {
    const auto socket = inheritable(open_listening_socket("udp:127.0.0.1:0"));
    subprocess server{activation_command(socket, {"--model", "datagram", "--service", "echo"}),
                      subprocess::errors::kept};
    CHECK(server.read_line(time_limit).starts_with("listening on udp:127.0.0.1:"));
    const auto endpoint = address::of_socket(socket.get());
    const unique_fd client{check("socket", [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
    CHECK(connect(client.get(), endpoint.data(), endpoint.size()) == 0);
    char answer = 0;
    CHECK(eventually([&] {
        (void)!send(client.get(), "x", 1, 0);
        return recv(client.get(), &answer, 1, MSG_DONTWAIT) == 1;
    }));
    CHECK(answer == 'x');
    server.signal(SIGTERM);
    CHECK(server.wait(time_limit)->exit_code() == 0);
}

TEST_CASE("--listen and a socket that was passed are two answers to one question") {
    const auto socket = inheritable(open_listening_socket());
    subprocess server{activation_command(socket, {"--listen", "127.0.0.1:0"}), subprocess::errors::kept};
    CHECK(server.wait(time_limit)->exit_code() == 2);
    CHECK(server.error_output() ==
          "parley-server: the sockets come from systemd (LISTEN_FDS): leave --listen out\n");
}

TEST_CASE("a service manager is told when the server listens, and when it stops") {
    const temporary_folder folder;
    for (const auto& name : {folder.file("notify"), fmt::format("@parley-test-{}", getpid())}) {
        INFO(name);
        for (const auto* model : {"thread", "fork", "prefork", "epoll"}) {
            INFO(model);
            std::filesystem::remove(folder.file("notify"));
            service_manager manager{name};
            setenv("NOTIFY_SOCKET", name.c_str(), 1);
            server_under_test server{model, "echo"};
            unsetenv("NOTIFY_SOCKET");
            CHECK(manager.next() == fmt::format("READY=1\nSTATUS=serves echo (model {})", model));
            CHECK(echo_through(server.endpoint()) == "x");
            server.process().signal(SIGTERM);
            CHECK(manager.next() == "STOPPING=1");
            CHECK(server.problems_after_exit() == "");
        }
    }
}

TEST_CASE("a server stops as told even if replies are in flight, and says so at once") {
    service_manager manager{fmt::format("@parley-test-{}", getpid())};
    setenv("NOTIFY_SOCKET", fmt::format("@parley-test-{}", getpid()).c_str(), 1);
    server_under_test server{"fork", "wait", {"--grace", "10ms"}};
    unsetenv("NOTIFY_SOCKET");
    CHECK(manager.next().starts_with("READY=1\n"));
    auto connection = connect_to(server.endpoint());
    send_all(connection, "0\n50000\n");
    CHECK(read_line(connection) == "waited 0 ms\n");
    server.process().signal(SIGTERM);
    CHECK(manager.next() == "STOPPING=1");
    CHECK(server.problems_after_exit() == "");
}

TEST_CASE("a server that cannot serve has told no one that it is ready") {
    const temporary_folder folder;
    const auto name = folder.file("notify");
    for (const auto& model : models()) {
        if (!model.obstacle().empty()) continue;
        for (int descriptors = 5; descriptors != 20;
             // Each number of descriptors makes another call fail.
             ++descriptors) {
            INFO(model.name, " with ", descriptors, " descriptors");
            std::filesystem::remove(name);
            service_manager manager{name};
            std::vector<std::string> command{
                "sh",          "-c",       fmt::format("ulimit -n {}; exec \"$@\"", descriptors),
                "sh",          "env",      "NOTIFY_SOCKET=" + name,
                PARLEY_SERVER, "--model",  std::string{model.name},
                "--service",   "echo",     "--workers",
                "2",           "--listen", model.datagrams ? "udp:127.0.0.1:0" : "127.0.0.1:0"};
            if (model.commands) command.insert(command.end(), {"--", "cat"});
            subprocess server{command, subprocess::errors::kept};
            std::string ready_line;
            try {
                ready_line = server.read_line(time_limit);
            } catch (const std::runtime_error&) { // the server has ended
            }
            const auto message = manager.received();
            server.signal(SIGTERM);
            const auto end = server.wait(time_limit);
            REQUIRE(end);
            CHECK(ready_line.empty() == (end->exit_code() != 0));
            if (ready_line.empty()) CHECK(message == "");
        }
    }
}

TEST_CASE("a service manager that is not there is no reason not to serve") {
    for (const auto* name : {"/no/such/socket", "nonsense", "@parley-nobody"}) {
        INFO(name);
        setenv("NOTIFY_SOCKET", name, 1);
        server_under_test server{"thread", "echo"};
        unsetenv("NOTIFY_SOCKET");
        CHECK(echo_through(server.endpoint()) == "x");
        CHECK(server.stop().end.exit_code() == 0);
        CHECK(server.process().error_output().find(fmt::format("NOTIFY_SOCKET={}: ", name)) !=
              std::string::npos);
    }
}

TEST_CASE("systemd's own tool starts a server at the first client") {
    if (std::system("command -v systemd-socket-activate >/dev/null") != 0) {
        MESSAGE("not tested: systemd-socket-activate is not there");
        return;
    }
    const temporary_folder folder;
    const auto endpoint = address::resolve("unix:" + folder.file("socket")).front();
    subprocess server{{"systemd-socket-activate", "--listen", folder.file("socket"), "--fdname=web",
                       PARLEY_SERVER, "--service", "echo"},
                      subprocess::errors::kept};
    std::optional<connection> connection;
    CHECK(eventually([&] {
        try {
            connection = connect_to(endpoint);
        } catch (const std::exception&) {
        }
        return connection.has_value();
    }));
    REQUIRE(connection);
    send_all(*connection, "x");
    CHECK(read_next(*connection) == "x");
    CHECK(server.read_line(time_limit) ==
          fmt::format("listening on {} (model thread, service echo)", endpoint.to_string()));
    server.signal(SIGTERM);
    const auto end = server.wait(time_limit);
    CHECK((end && end->exit_code() == 0));
    // The server did not create the file, so it does not remove it.
    CHECK(std::filesystem::exists(folder.file("socket")));
}

} // namespace parley
