// Tests of listener: whom it accepts, and what happens if it cannot.
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

connection connect_to(const address& address) {
    unique_fd socket{
        check("socket", [&] { return ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    check("connect", address.to_string(),
          [&] { return ::connect(socket.get(), address.data(), address.size()); });
    return connection{std::move(socket), address};
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
        listener listener{any_port(text), {}};
        CHECK(listener.addresses().front().to_string() != text);
        auto client = connect_to(listener.addresses().front());
        auto peer = listener.accept();
        REQUIRE(peer);
        CHECK(peer->peer().to_string() == address::of_socket(client.descriptor()).to_string());
        CHECK(client.write_some("hello") == 5);
        read_buffer buffer;
        CHECK(peer->read_some(buffer) == "hello");
    }
}

TEST_CASE("what is accepted sends at once, and is not passed on by exec") {
    listener listener{any_port(), {}};
    const auto client = connect_to(listener.addresses().front());
    const auto peer = listener.accept();
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    CHECK(getsockopt(peer->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
    CHECK(no_delay != 0);
    CHECK((fcntl(peer->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((fcntl(listener.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
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
                      "the wait times out");
              const itimerval timer{.it_interval = {0, 20'000}, .it_value = {0, 20'000}};
              require(signal(SIGALRM, [](int) { stop_signal::request(); }) != SIG_ERR, "handler");
              require(setitimer(ITIMER_REAL, &timer, nullptr) == 0, "timer");
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
    read_buffer buffer;
    CHECK_FALSE(peer->read_some(buffer));
}

TEST_CASE("a listener that does not wait accepts who is there") {
    listener listener{any_port(), {}};
    listener.set_nonblocking();
    CHECK_FALSE(listener.try_accept(listener::calls::blocking));
    const auto first = connect_to(listener.addresses().front());
    const auto second = connect_to(listener.addresses().front());
    const auto blocking = listener.try_accept(listener::calls::blocking);
    REQUIRE(blocking);
    CHECK((fcntl(blocking->descriptor(), F_GETFL) & O_NONBLOCK) == 0);
    const auto non_blocking = listener.try_accept(listener::calls::non_blocking);
    REQUIRE(non_blocking);
    CHECK((fcntl(non_blocking->descriptor(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK_FALSE(listener.try_accept(listener::calls::blocking));
    CHECK_FALSE(listener.backoff_left());
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
    const listener listener{open_sockets(name, {})};
    REQUIRE(listener.addresses().size() == name.size());
    for (const auto& address : listener.addresses())
        CHECK(address.port() == listener.addresses().front().port());
}

TEST_CASE("an address of a name that this machine does not have is passed over, unless it is the only one") {
    const auto absent = any_port("192.0.2.1:0");
    const std::vector<address> name{absent, any_port()};
    const listener listener{open_sockets(name, {})};
    REQUIRE(listener.addresses().size() == 1);
    CHECK(listener.addresses().front().to_string().starts_with("127.0.0.1:"));
    CHECK_THROWS_WITH_AS(open_sockets({&absent, 1}, {}), "bind 192.0.2.1:0: Cannot assign requested address",
                         std::system_error);
    const std::vector<address> addresses{any_port("127.0.0.2:0"), listener.addresses().front()};
    CHECK_THROWS_AS(open_sockets(addresses, {}), std::system_error);
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
    for (const auto* bindv6only : {"0", "1"}) {
        for (const bool next_to_v4 : {false, true}) {
            CAPTURE(bindv6only);
            CAPTURE(next_to_v4);
            CHECK(run_in_fork([&] {
                      const network_namespace network;
                      require(network_namespace::set("ipv6/bindv6only", bindv6only), "the system's way");
                      listener listener{any_port("[::]:0"), {.shared_port = true, .v6_only = next_to_v4}};
                      listener.open_queues(2, {.v6_only = next_to_v4});
                      bool connected = true;
                      try {
                          connect_to(any_port("127.0.0.1:1").with_port(listener.addresses().front().port()));
                      } catch (const std::system_error&) {
                          connected = false;
                      }
                      require(connected == (bindv6only[0] == '0' && !next_to_v4), "IPv4");
                  }) == "exit 0");
        }
    }
}

TEST_CASE("a UNIX socket whose queue is full is in use, and the server there hears nothing of the question") {
    const temporary_folder folder;
    const auto address = any_port(("unix:" + folder.file("socket")).c_str());
    listener listener{address, {.backlog = 1}};
    listener.set_nonblocking();
    std::vector<unique_fd> waiting;
    for (bool has_room = true; has_room;) {
        unique_fd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        has_room = ::connect(client.get(), address.data(), address.size()) == 0;
        if (has_room) waiting.push_back(std::move(client));
    }
    const auto refused = "bind " + address.to_string() + ": Address already in use";
    CHECK_THROWS_WITH_AS(open_socket(address, {}), refused.c_str(), std::system_error);
    while (listener.try_accept(listener::calls::blocking)) waiting.pop_back();
    CHECK(waiting.empty());
    CHECK_THROWS_WITH_AS(open_socket(address, {}), refused.c_str(), std::system_error);
    CHECK_FALSE(listener.try_accept(listener::calls::blocking));
}

TEST_CASE("a UNIX socket that a dead server has left behind is replaced, but not through a symbolic link") {
    const temporary_folder folder;
    const auto address = any_port(("unix:" + folder.file("socket")).c_str());
    open_socket(address, {});
    std::filesystem::create_symlink(address.path(), folder.file("link"));
    CHECK_THROWS_AS(open_socket(any_port(("unix:" + folder.file("link")).c_str()), {}), std::system_error);
    CHECK(std::filesystem::is_symlink(folder.file("link")));
    const auto second_socket = open_socket(address, {});
    CHECK_THROWS_AS(open_socket(address, {}), std::system_error);
}

TEST_CASE("of servers that begin at once where a dead one has left its UNIX socket, one listens") {
    const temporary_folder folder;
    const auto address = any_port(("unix:" + folder.file("socket")).c_str());
    const auto semaphore = [] { return unique_fd{eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)}; };
    const auto take = [](const unique_fd& descriptor) {
        eventfd_t value = 0;
        eventfd_read(descriptor.get(), &value);
    };
    for (int round = 0; round != 100; ++round) {
        std::filesystem::remove(address.path());
        open_socket(address, {});
        const auto go = semaphore(), decided = semaphore(), end = semaphore();
        std::array<pid_t, 4> servers{};
        for (auto& server : servers) {
            server = fork();
            if (server != 0) continue;
            take(go);
            unique_fd socket;
            try {
                socket = open_socket(address, {});
            } catch (const std::system_error&) { // another server was faster
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

TEST_CASE("a closed listener refuses") {
    listener listener{any_port(), {}};
    const auto address = listener.addresses().front();
    listener.close();
    CHECK_THROWS_AS(connect_to(address), std::system_error);
    CHECK_FALSE(listener.accept());
}

TEST_CASE("without a descriptor left, clients wait in the backlog until there is one") {
    CHECK(run_in_fork([] {
              listener listener{any_port(), {}};
              listener.set_nonblocking();
              const auto client = connect_to(listener.addresses().front());
              rlimit limit{};
              getrlimit(RLIMIT_NOFILE, &limit);
              const rlimit no_descriptors{.rlim_cur = 0, .rlim_max = limit.rlim_max};
              setrlimit(RLIMIT_NOFILE, &no_descriptors);
              require(!listener.try_accept(listener::calls::blocking), "no client is accepted");
              require(listener.backoff_left().has_value(), "a back-off time");
              setrlimit(RLIMIT_NOFILE, &limit);
              while (const auto backoff = listener.backoff_left()) stop_signal::interruptible_sleep(*backoff);
              require(listener.try_accept(listener::calls::blocking).has_value(), "the client is accepted");
          }) == "exit 0");
}

TEST_CASE("a stop ends the wait for the next client") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              listener listener{any_port(), {}};
              raise(SIGTERM);
              require(!listener.accept(), "no client");
          }) == "exit 0");
}

TEST_CASE("a queue that another worker has shut down delays no worker's end") {
    const temporary_folder folder;
    for (const auto& endpoint : {std::string{"127.0.0.1:0"}, "unix:" + folder.file("socket")}) {
        CAPTURE(endpoint);
        CHECK(run_in_fork([&] {
                  stop_signal::install(10s);
                  listener listener{any_port(endpoint.c_str()), {}};
                  listener.set_nonblocking();
                  listener.open_queues(2, {});
                  auto& queue = listener.queue_of(2);
                  const auto client = connect_to(listener.addresses().front());
                  raise(SIGTERM);
                  require(queue.accept_pending(listener::calls::non_blocking).has_value(), "the last client");
                  queue.stop_listening();
                  require(!listener.accept_pending(listener::calls::non_blocking), "no client is left");
                  require(!stop_signal::is_grace_over(), "long before the grace is over");
              }) == "exit 0");
    }
}

} // namespace parley
