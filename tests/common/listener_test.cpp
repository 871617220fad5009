// The door: who comes in, and what happens when nobody can.
#include "common/net/listener.hpp"
#include "common/process/stop_signal.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace parley {

namespace {

address any_port(const char* text = "127.0.0.1:0") { return address::resolve(text).front(); }

connection connect_to(const address& at) {
    unique_fd socket{check("socket", [&] { return ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    check("connect", at.to_string(), [&] { return ::connect(socket.get(), at.data(), at.size()); });
    return connection{std::move(socket), at};
}

} // namespace

TEST_CASE("each error of accept says what to do") {
    for (const int error : {EINTR, EAGAIN, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN,
                            ENONET, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT})
        CHECK(classify_accept_error(error) == accept_error::retry);
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM})
        CHECK(classify_accept_error(error) == accept_error::back_off);
    for (const int error : {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT})
        CHECK(classify_accept_error(error) == accept_error::fatal);
}

TEST_CASE("who knocks comes in, with the peer's address") {
    for (const auto* text : {"127.0.0.1:0", "[::1]:0"}) {
        if (text[0] == '[' && !has_ipv6()) continue;
        listener endpoint{any_port(text), {}};
        CHECK(endpoint.addresses().front().to_string() != text);
        auto client = connect_to(endpoint.addresses().front());
        auto peer = endpoint.accept();
        REQUIRE(peer);
        CHECK(peer->peer().to_string() == address::of_socket(client.descriptor()).to_string());
        CHECK(client.write_some("hello") == 5);
        read_buffer area;
        CHECK(peer->read_some(area) == "hello");
    }
}

TEST_CASE("what is accepted sends at once, and is not passed on by exec") {
    listener endpoint{any_port(), {}};
    const auto client = connect_to(endpoint.addresses().front());
    const auto peer = endpoint.accept();
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    CHECK(getsockopt(peer->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
    CHECK(no_delay != 0);
    CHECK((fcntl(peer->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((fcntl(endpoint.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("what is accepted over TCP has its timeouts without a call of its own") {
    listener listener{any_port(), {}};
    listener.set_connection_timeout(20ms);
    const auto client = connect_to(listener.addresses().front());
    const auto peer = listener.accept();
    REQUIRE(peer);
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        timeval time{};
        socklen_t size = sizeof time;
        CHECK(getsockopt(peer->descriptor(), SOL_SOCKET, direction, &time, &size) == 0);
        CHECK(time.tv_usec >= 20'000);
    }
}

TEST_CASE("a listener whose own wait has timed out waits on") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              listener listener{any_port(), {}};
              listener.set_connection_timeout(1ms);
              require(accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC) == -1 && errno == EAGAIN,
                      "it times out");
              const itimerval soon{.it_interval = {0, 20'000}, .it_value = {0, 20'000}};
              require(signal(SIGALRM, [](int) { stop_signal::request(); }) != SIG_ERR, "handler");
              require(setitimer(ITIMER_REAL, &soon, nullptr) == 0, "timer");
              require(!listener.accept() && stop_signal::is_requested(), "only the stop ended the wait");
          }) == "exit 0");
}

TEST_CASE("a connection over a UNIX socket, which inherits no timeout, gets it") {
    const temporary_folder folder;
    listener listener{any_port(("unix:" + folder.file("socket")).c_str()), {}};
    listener.set_connection_timeout(20ms);
    const auto client = connect_to(listener.addresses().front());
    auto peer = listener.accept();
    REQUIRE(peer);
    peer->set_timeout(20ms);
    read_buffer area;
    CHECK_FALSE(peer->read_some(area));
}

TEST_CASE("a door that does not wait lets in who is there") {
    listener endpoint{any_port(), {}};
    endpoint.set_nonblocking();
    CHECK_FALSE(endpoint.try_accept(listener::calls::blocking));
    const auto first = connect_to(endpoint.addresses().front());
    const auto second = connect_to(endpoint.addresses().front());
    const auto waiting = endpoint.try_accept(listener::calls::blocking);
    REQUIRE(waiting);
    CHECK((fcntl(waiting->descriptor(), F_GETFL) & O_NONBLOCK) == 0);
    const auto not_waiting = endpoint.try_accept(listener::calls::non_blocking);
    REQUIRE(not_waiting);
    CHECK((fcntl(not_waiting->descriptor(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK_FALSE(endpoint.try_accept(listener::calls::blocking));
    CHECK_FALSE(endpoint.backoff_left());
}

TEST_CASE("a port that is taken is named") {
    const listener first{any_port(), {}};
    const auto name = first.addresses().front().to_string();
    CHECK_THROWS_WITH_AS((listener{first.addresses().front(), {}}),
                         ("bind " + name + ": Address already in use").c_str(), std::system_error);
}

TEST_CASE("all addresses of a name are listened to, at the same port") {
    std::vector<address> name{any_port(), any_port("127.0.0.2:0")};
    if (has_ipv6()) name.push_back(any_port("[::1]:0"));
    const listener all{open_sockets(name, {})};
    REQUIRE(all.addresses().size() == name.size());
    for (const auto& each : all.addresses()) CHECK(each.port() == all.addresses().front().port());
}

TEST_CASE("an address of a name that this machine does not have is passed over, unless it is the only one") {
    const auto absent = any_port("192.0.2.1:0");
    const std::vector<address> name{absent, any_port()};
    const listener found{open_sockets(name, {})};
    REQUIRE(found.addresses().size() == 1);
    CHECK(found.addresses().front().to_string().starts_with("127.0.0.1:"));
    CHECK_THROWS_WITH_AS(open_sockets({&absent, 1}, {}), "bind 192.0.2.1:0: Cannot assign requested address",
                         std::system_error);
    const std::vector<address> taken{any_port("127.0.0.2:0"), found.addresses().front()};
    CHECK_THROWS_AS(open_sockets(taken, {}), std::system_error);
}

TEST_CASE("[::] takes IPv4, too, where the system says so and no IPv4 address is wanted next to it") {
    const auto can_be_set = [] {
        const network_namespace network;
        require(network_namespace::set("ipv6/bindv6only", "0"), "not here");
    };
    if (!has_ipv6() || run_in_fork(can_be_set) != "exit 0") {
        MESSAGE("not tested: it needs IPv6, and a network of its own to set it in");
        return;
    }
    for (const auto* only : {"0", "1"}) {
        for (const bool next_to_v4 : {false, true}) {
            CAPTURE(only);
            CAPTURE(next_to_v4);
            CHECK(run_in_fork([&] {
                      const network_namespace network;
                      require(network_namespace::set("ipv6/bindv6only", only), "the system's way");
                      listener endpoint{any_port("[::]:0"), {.shared_port = true, .v6_only = next_to_v4}};
                      endpoint.open_queues(2, {.v6_only = next_to_v4});
                      bool connected = true;
                      try {
                          connect_to(any_port("127.0.0.1:1").with_port(endpoint.addresses().front().port()));
                      } catch (const std::system_error&) {
                          connected = false;
                      }
                      require(connected == (only[0] == '0' && !next_to_v4), "IPv4");
                  }) == "exit 0");
        }
    }
}

TEST_CASE("a UNIX socket whose queue is full is in use, and the server there hears nothing of the question") {
    const temporary_folder folder;
    const auto at = any_port(("unix:" + folder.file("socket")).c_str());
    listener endpoint{at, {.backlog = 1}};
    endpoint.set_nonblocking();
    std::vector<unique_fd> waiting;
    for (bool has_room = true; has_room;) {
        unique_fd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        has_room = ::connect(client.get(), at.data(), at.size()) == 0;
        if (has_room) waiting.push_back(std::move(client));
    }
    const auto refused = "bind " + at.to_string() + ": Address already in use";
    CHECK_THROWS_WITH_AS(open_socket(at, {}), refused.c_str(), std::system_error);
    while (endpoint.try_accept(listener::calls::blocking)) waiting.pop_back();
    CHECK(waiting.empty());
    CHECK_THROWS_WITH_AS(open_socket(at, {}), refused.c_str(), std::system_error);
    CHECK_FALSE(endpoint.try_accept(listener::calls::blocking));
}

TEST_CASE("a UNIX socket that a dead server has left behind is replaced, but not through a symbolic link") {
    const temporary_folder folder;
    const auto at = any_port(("unix:" + folder.file("socket")).c_str());
    open_socket(at, {});
    std::filesystem::create_symlink(at.path(), folder.file("link"));
    CHECK_THROWS_AS(open_socket(any_port(("unix:" + folder.file("link")).c_str()), {}), std::system_error);
    CHECK(std::filesystem::is_symlink(folder.file("link")));
    const auto again = open_socket(at, {});
    CHECK_THROWS_AS(open_socket(at, {}), std::system_error);
}

TEST_CASE("of servers that begin at once where a dead one has left its UNIX socket, one listens") {
    const temporary_folder folder;
    const auto at = any_port(("unix:" + folder.file("socket")).c_str());
    const auto semaphore = [] { return unique_fd{eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)}; };
    const auto take = [](const unique_fd& from) {
        eventfd_t one = 0;
        eventfd_read(from.get(), &one);
    };
    for (int round = 0; round != 100; ++round) {
        std::filesystem::remove(at.path());
        open_socket(at, {});
        const auto go = semaphore(), decided = semaphore(), end = semaphore();
        std::array<pid_t, 4> servers{};
        for (auto& server : servers) {
            server = fork();
            if (server != 0) continue;
            take(go);
            unique_fd socket;
            try {
                socket = open_socket(at, {});
            } catch (const std::system_error&) { // another one was faster
            }
            eventfd_write(decided.get(), 1);
            take(end);
            _exit(socket ? 1 : 0);
        }
        eventfd_write(go.get(), servers.size());
        for (std::size_t i = 0; i != servers.size(); ++i) take(decided);
        eventfd_write(end.get(), servers.size());
        int listening = 0;
        for (const auto server : servers) {
            int status = 0;
            waitpid(server, &status, 0);
            listening += WEXITSTATUS(status);
        }
        CHECK(listening == 1);
    }
}

TEST_CASE("a closed door refuses") {
    listener endpoint{any_port(), {}};
    const auto at = endpoint.addresses().front();
    endpoint.close();
    CHECK_THROWS_AS(connect_to(at), std::system_error);
    CHECK_FALSE(endpoint.accept());
}

TEST_CASE("without a descriptor left, clients wait at the door until there is one") {
    CHECK(run_in_fork([] {
              listener endpoint{any_port(), {}};
              endpoint.set_nonblocking();
              const auto client = connect_to(endpoint.addresses().front());
              rlimit before{};
              getrlimit(RLIMIT_NOFILE, &before);
              const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
              setrlimit(RLIMIT_NOFILE, &none);
              require(!endpoint.try_accept(listener::calls::blocking), "nobody comes in");
              require(endpoint.backoff_left().has_value(), "a time to breathe");
              setrlimit(RLIMIT_NOFILE, &before);
              while (const auto left = endpoint.backoff_left()) stop_signal::interruptible_sleep(*left);
              require(endpoint.try_accept(listener::calls::blocking).has_value(), "the client comes in");
          }) == "exit 0");
}

TEST_CASE("a stop ends the wait for the next client") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              listener endpoint{any_port(), {}};
              raise(SIGTERM);
              require(!endpoint.accept(), "nobody");
          }) == "exit 0");
}

TEST_CASE("a door that another worker has shut holds up nobody's end") {
    const temporary_folder folder;
    for (const auto& at : {std::string{"127.0.0.1:0"}, "unix:" + folder.file("door")}) {
        CAPTURE(at);
        CHECK(run_in_fork([&] {
                  stop_signal::install(10s);
                  listener endpoint{any_port(at.c_str()), {}};
                  endpoint.set_nonblocking();
                  endpoint.open_queues(2, {});
                  listener& same = endpoint.queue_of(2);
                  const auto client = connect_to(endpoint.addresses().front());
                  raise(SIGTERM);
                  require(same.accept_pending(listener::calls::non_blocking).has_value(), "the last client");
                  same.stop_listening();
                  require(!endpoint.accept_pending(listener::calls::non_blocking), "nobody is left");
                  require(!stop_signal::is_grace_over(), "long before the grace is over");
              }) == "exit 0");
    }
}

} // namespace parley
