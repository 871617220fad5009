// What one read and one write mean, on sockets that wait and on sockets that do not.
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
    read_buffer area;
    const auto bytes = connection.read_some(area);
    return bytes ? std::string{*bytes} : "(not now)";
}

} // namespace

TEST_CASE("what one end writes the other reads") {
    auto [ours, theirs] = make_socket_pair(0);
    CHECK(ours.write_some("hello") == 5);
    CHECK(read_once(theirs) == "hello");
}

TEST_CASE("nothing to read is not the end") {
    auto [ours, theirs] = make_socket_pair(SOCK_NONBLOCK);
    CHECK(read_once(ours) == "(not now)");
    CHECK(errno == EAGAIN);
    theirs.shutdown_write();
    CHECK(read_once(ours).empty());
    CHECK(read_once(ours).empty());
}

TEST_CASE("after its end of output an end can still read") {
    auto [ours, theirs] = make_socket_pair(0);
    ours.shutdown_write();
    ours.shutdown_write();
    CHECK(read_once(theirs).empty());
    CHECK(theirs.write_some("reply") == 5);
    CHECK(read_once(ours) == "reply");
}

TEST_CASE("a full socket takes a part, then nothing, and goes on when there is room") {
    auto [ours, theirs] = make_socket_pair(SOCK_NONBLOCK);
    const std::string text(1'000'000, 'x');
    const auto first = ours.write_some(text);
    CHECK(first > 0);
    CHECK(first < text.size());
    for (int time = 0; time != 1000 && ours.write_some(text) != 0; ++time) {
    }
    CHECK(ours.write_some(text) == 0);
    CHECK(errno == EAGAIN);
    while (read_once(theirs) != "(not now)") {
    }
    CHECK(ours.write_some(text) > 0);
}

TEST_CASE("writing to a peer that has gone is an error, and no signal") {
    auto [ours, theirs] = make_socket_pair(0);
    { const auto gone = theirs.release(); }
    CHECK_THROWS_WITH_AS((void)ours.write_some("x"), "send: Broken pipe", std::system_error);
    ours.shutdown_write(); // harmless
}

TEST_CASE("a peer that closes over unread bytes resets the connection") {
    auto [ours, theirs] = make_socket_pair(0);
    CHECK(ours.write_some("x") == 1);
    { const auto gone = theirs.release(); }
    CHECK_THROWS_WITH_AS(read_once(ours), "recv: Connection reset by peer", std::system_error);
}

TEST_CASE("a socket that waits can be made to give up") {
    auto [ours, theirs] = make_socket_pair(0);
    ours.set_timeout(1ms);
    CHECK(read_once(ours) == "(not now)");
    CHECK(errno == EAGAIN);
    const std::string text(1'000'000, 'x');
    while (ours.write_some(text) != 0) {
    }
    CHECK(errno == EAGAIN);
}

TEST_CASE("a socket can be asked whether there is something to read") {
    auto [ours, theirs] = make_socket_pair(0);
    CHECK_FALSE(ours.is_readable_within(0ms));
    CHECK(theirs.write_some("x") == 1);
    CHECK(ours.is_readable_within(30s));
    CHECK(read_once(ours) == "x");
    CHECK_FALSE(ours.is_readable_within(1ms));
    theirs.shutdown_write();
    CHECK(ours.is_readable_within(30s));
}

TEST_CASE("a connection can give its socket away") {
    auto [ours, theirs] = make_socket_pair(0);
    const int descriptor = ours.descriptor();
    connection again{ours.release()};
    CHECK(again.descriptor() == descriptor);
    CHECK(ours.descriptor() == -1);
    CHECK(theirs.write_some("x") == 1);
    CHECK(read_once(again) == "x");
}

} // namespace parley
