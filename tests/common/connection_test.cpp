// Tests of connection: what one read and one write mean on blocking and on non-blocking sockets.
#include "common/net/connection.hpp"
#include "tests/support/socket_pair.hpp"

#include <cerrno>
#include <doctest/doctest.h>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

namespace parley {

namespace {

std::string read_once(connection& connection) {
    read_buffer buffer;
    const auto bytes = connection.read_some(buffer);
    return bytes ? std::string{*bytes} : "(not now)";
}

} // namespace

TEST_CASE("what one end writes the other reads") {
    auto [local, remote] = make_socket_pair(0);
    CHECK(local.write_some("hello") == 5);
    CHECK(read_once(remote) == "hello");
}

TEST_CASE("nothing to read is not the end") {
    auto [local, remote] = make_socket_pair(SOCK_NONBLOCK);
    CHECK(read_once(local) == "(not now)");
    CHECK(errno == EAGAIN);
    remote.shutdown_write();
    CHECK(read_once(local).empty());
    CHECK(read_once(local).empty());
}

TEST_CASE("after its end of output an end can still read") {
    auto [local, remote] = make_socket_pair(0);
    local.shutdown_write();
    local.shutdown_write();
    CHECK(read_once(remote).empty());
    CHECK(remote.write_some("reply") == 5);
    CHECK(read_once(local) == "reply");
}

TEST_CASE("a full socket takes a part, then nothing, and goes on when there is room") {
    auto [local, remote] = make_socket_pair(SOCK_NONBLOCK);
    const std::string text(1'000'000, 'x');
    const auto first = local.write_some(text);
    CHECK(first > 0);
    CHECK(first < text.size());
    for (int time = 0; time != 1000 && local.write_some(text) != 0; ++time) {
    }
    CHECK(local.write_some(text) == 0);
    CHECK(errno == EAGAIN);
    while (read_once(remote) != "(not now)") {
    }
    CHECK(local.write_some(text) > 0);
}

TEST_CASE("writing to a peer that has gone is an error, and no signal") {
    auto [local, remote] = make_socket_pair(0);
    { const auto closed = remote.release(); }
    CHECK_THROWS_WITH_AS((void)local.write_some("x"), "send: Broken pipe", std::system_error);
    local.shutdown_write(); // a second time is no error
}

TEST_CASE("a peer that closes over unread bytes resets the connection") {
    auto [local, remote] = make_socket_pair(0);
    CHECK(local.write_some("x") == 1);
    { const auto closed = remote.release(); }
    CHECK_THROWS_WITH_AS(read_once(local), "recv: Connection reset by peer", std::system_error);
}

TEST_CASE("a socket that waits can be made to give up") {
    auto [local, remote] = make_socket_pair(0);
    local.set_timeout(1ms);
    CHECK(read_once(local) == "(not now)");
    CHECK(errno == EAGAIN);
    const std::string text(1'000'000, 'x');
    while (local.write_some(text) != 0) {
    }
    CHECK(errno == EAGAIN);
}

TEST_CASE("a socket can be asked whether there is something to read") {
    auto [local, remote] = make_socket_pair(0);
    CHECK_FALSE(local.is_readable_within(0ms));
    CHECK(remote.write_some("x") == 1);
    CHECK(local.is_readable_within(30s));
    CHECK(read_once(local) == "x");
    CHECK_FALSE(local.is_readable_within(1ms));
    remote.shutdown_write();
    CHECK(local.is_readable_within(30s));
}

TEST_CASE("a connection can give its socket away") {
    auto [local, remote] = make_socket_pair(0);
    const int descriptor = local.descriptor();
    connection new_owner{local.release()};
    CHECK(new_owner.descriptor() == descriptor);
    CHECK(local.descriptor() == -1);
    CHECK(remote.write_some("x") == 1);
    CHECK(read_once(new_owner) == "x");
}

} // namespace parley
