// The door: who comes in, and what happens when nobody can.
#include "common/listener.hpp"
#include "common/stop_signal.hpp"
#include "tests/in_child.hpp"
#include "tests/socket_pair.hpp"
#include "tests/temporary_folder.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
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
        CHECK(after_accept_error(error) == after_error::again);
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM})
        CHECK(after_accept_error(error) == after_error::breathe);
    for (const int error : {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT})
        CHECK(after_accept_error(error) == after_error::give_up);
}

TEST_CASE("who knocks comes in, with the peer's address") {
    for (const auto* text : {"127.0.0.1:0", "[::1]:0"}) {
        if (text[0] == '[' && !has_ipv6()) continue;
        listener door{any_port(text), {}};
        CHECK(door.bound().front().to_string() != text);
        auto client = connect_to(door.bound().front());
        auto peer = door.accept();
        REQUIRE(peer);
        CHECK(peer->peer().to_string() == address::of(client.descriptor()).to_string());
        CHECK(client.write_some("hello") == 5);
        input_area area;
        CHECK(peer->read_some(area) == "hello");
    }
}

TEST_CASE("what is accepted sends at once, and is not passed on by exec") {
    listener door{any_port(), {}};
    const auto client = connect_to(door.bound().front());
    const auto peer = door.accept();
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    CHECK(getsockopt(peer->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) == 0);
    CHECK(no_delay != 0);
    CHECK((fcntl(peer->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((fcntl(door.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a door that does not wait lets in who is there") {
    listener door{any_port(), {}};
    door.non_blocking();
    CHECK_FALSE(door.try_accept(listener::calls::blocking));
    const auto first = connect_to(door.bound().front());
    const auto second = connect_to(door.bound().front());
    const auto waiting = door.try_accept(listener::calls::blocking);
    REQUIRE(waiting);
    CHECK((fcntl(waiting->descriptor(), F_GETFL) & O_NONBLOCK) == 0);
    const auto not_waiting = door.try_accept(listener::calls::non_blocking);
    REQUIRE(not_waiting);
    CHECK((fcntl(not_waiting->descriptor(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK_FALSE(door.try_accept(listener::calls::blocking));
    CHECK_FALSE(door.breath_left());
}

TEST_CASE("a port that is taken is named") {
    const listener first{any_port(), {}};
    const auto name = first.bound().front().to_string();
    CHECK_THROWS_WITH_AS((listener{first.bound().front(), {}}),
                         ("bind " + name + ": Address already in use").c_str(), std::system_error);
}

TEST_CASE("a closed door refuses") {
    listener door{any_port(), {}};
    const auto at = door.bound().front();
    door.close();
    CHECK_THROWS_AS(connect_to(at), std::system_error);
    CHECK_FALSE(door.accept());
}

TEST_CASE("without a descriptor left, clients wait at the door until there is one") {
    CHECK(in_child([] {
              listener door{any_port(), {}};
              door.non_blocking();
              const auto client = connect_to(door.bound().front());
              rlimit before{};
              getrlimit(RLIMIT_NOFILE, &before);
              const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
              setrlimit(RLIMIT_NOFILE, &none);
              require(!door.try_accept(listener::calls::blocking), "nobody comes in");
              require(door.breath_left().has_value(), "a time to breathe");
              setrlimit(RLIMIT_NOFILE, &before);
              while (const auto left = door.breath_left()) stop_signal::nap(*left);
              require(door.try_accept(listener::calls::blocking).has_value(), "the client comes in");
          }) == "exit 0");
}

TEST_CASE("a stop ends the wait for the next client") {
    CHECK(in_child([] {
              stop_signal::install(0ms);
              listener door{any_port(), {}};
              raise(SIGTERM);
              require(!door.accept(), "nobody");
          }) == "exit 0");
}

TEST_CASE("a door that another worker has shut holds up nobody's end") {
    const temporary_folder folder;
    for (const auto& at : {std::string{"127.0.0.1:0"}, "unix:" + folder.file("door")}) {
        CAPTURE(at);
        CHECK(in_child([&] {
                  stop_signal::install(10s);
                  listener door{any_port(at.c_str()), {}};
                  door.non_blocking();
                  door.open_queues(2, {});
                  listener& same = door.queue_of(2);
                  const auto client = connect_to(door.bound().front());
                  raise(SIGTERM);
                  require(same.accept_last(listener::calls::non_blocking).has_value(), "the last client");
                  same.shut();
                  require(!door.accept_last(listener::calls::non_blocking), "nobody is left");
                  require(!stop_signal::grace_over(), "long before the grace is over");
              }) == "exit 0");
    }
}

} // namespace parley
