// Tests of address: its notations, and the error for each wrong one.
#include "common/net/address.hpp"
#include "common/unique_fd.hpp"

#include <doctest/doctest.h>
#include <net/if.h>
#include <stdexcept>
#include <sys/un.h>
#include <system_error>

using namespace std::string_view_literals;

namespace parley {

namespace {

std::string error_of(std::string_view text) {
    try {
        address::resolve(text);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "none";
}

std::string bad_address(std::string_view text, std::string_view reason) {
    return "bad address '" + std::string{text} + "': " + std::string{reason};
}

} // namespace

TEST_CASE("an address is written as it is read") {
    for (const auto text :
         {"127.0.0.1:9999", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:9999", "[::]:0",
          "[2001:db8::ff00:42:8329]:1", "[::ffff:127.0.0.1]:80", "[fe80::1%lo]:80", "[fe80::1%987654321]:80",
          "unix:/tmp/parley.sock", "unix:@parley", R"(unix:@a\\b\x00\x20\xff)", "udp:127.0.0.1:9"}) {
        CAPTURE(text);
        const auto addresses = address::resolve(text);
        REQUIRE(addresses.size() == 1);
        CHECK(addresses.front().to_string() == text);
    }
}

TEST_CASE("an address has the family and size that bind wants") {
    const auto v4 = address::resolve("127.0.0.1:80").front();
    CHECK(v4.family() == AF_INET);
    CHECK(v4.size() == sizeof(sockaddr_in));
    const auto v6 = address::resolve("[::1]:80").front();
    CHECK(v6.family() == AF_INET6);
    CHECK(v6.size() == sizeof(sockaddr_in6));
}

TEST_CASE("a port is a plain number from 0 to 65535") {
    CHECK(parse_endpoint("host:0").port == 0);
    CHECK(parse_endpoint("host:65535").port == 65535);
    CHECK(parse_endpoint("host:00080").port == 80);
    for (const auto port : {"70007", "65536", "-1", "", "+1", " 80", "80 ", "0x50", "8e1", "http", "80.5",
                            "99999999999999999999", "-99999999999999999999"}) {
        const auto text = std::string{"127.0.0.1:"} + port;
        CHECK(error_of(text) == bad_address(text, "the port is a number from 0 to 65535"));
    }
}

TEST_CASE("an address without a host or a port is told how to write one") {
    for (const auto text : {"", ":", ":80", "[]:80", "127.0.0.1", "1.2.3.4", "9999", "localhost"})
        CHECK(error_of(text) == bad_address(text, "write HOST:PORT, as in 127.0.0.1:9999 or [::1]:9999"));
}

TEST_CASE("an IPv6 address goes in brackets") {
    for (const auto text : {"::1:80", "::1", "2001:db8::1:80", "[::1]", "[::1:80", "::1]:80"})
        CHECK(error_of(text) == bad_address(text, "write an IPv6 address in brackets: [::1]:9999"));
    CHECK(parse_endpoint("[::1]:80").host == "::1");
}

TEST_CASE("the zone of an IPv6 address is an interface") {
    const auto link_local = address::resolve("[fe80::1%lo]:80").front();
    CHECK(reinterpret_cast<const sockaddr_in6&>(*link_local.data()).sin6_scope_id == if_nametoindex("lo"));
    for (const auto text : {"[fe80::1%no-such]:80", "[fe80::1%]:80", "[fe80::1%0]:80", "[fe80::1%1x]:80"})
        CHECK(error_of(text) == bad_address(text, "there is no such network interface"));
}

TEST_CASE("an abstract name is no file, and may have any bytes") {
    const auto address = address::resolve(R"(unix:@a\x00\\b)").front();
    CHECK(address.path() == "");
    CHECK(address.size() == offsetof(sockaddr_un, sun_path) + 5);
    CHECK(std::string_view{reinterpret_cast<const sockaddr_un&>(*address.data()).sun_path, 5} == "\0a\0\\b"sv);
    CHECK(address::resolve("unix:@" + std::string(107, 'x')).front().size() == sizeof(sockaddr_un));
    const auto too_long = "unix:@" + std::string(108, 'x');
    for (const auto& text : {std::string{"unix:@"}, too_long})
        CHECK(error_of(text) ==
              bad_address(text, "the name of an abstract UNIX socket has 1 to 107 bytes, as in unix:@parley"));
    for (const auto text : {R"(unix:@a\)", R"(unix:@a\n)", R"(unix:@\x1)", R"(unix:@\x1g)"})
        CHECK(error_of(text) ==
              bad_address(text, R"(in an abstract name, write \\ for a backslash, and \xHH for any byte)"));
}

TEST_CASE("no address moves a terminal's cursor") {
    CHECK(address::resolve("unix:/tmp/a\x1b[2Jb").front().to_string() == "unix:/tmp/a\\x1b[2Jb");
    CHECK(address::resolve("unix:/tmp/caf\xc3\xa9 \\").front().to_string() == "unix:/tmp/caf\xc3\xa9 \\");
}

TEST_CASE("a host name is told from its port") {
    const auto endpoint = parse_endpoint("server.example.org:80");
    CHECK(endpoint.host == "server.example.org");
    CHECK(endpoint.port == 80);
}

TEST_CASE("a zero byte hides nothing") {
    for (const auto text : {"127.0.0.1\0.example:80"sv, "\0:80"sv, "127.0.0.1:80\0"sv, "127.0.0.1:\00080"sv})
        CHECK(error_of(text) != "none");
}

TEST_CASE("a host that nobody knows is an error that names it") {
    // The resolver sends no query for a name with an empty label.
    CHECK_THROWS_WITH_AS(address::resolve("no..such.host:80"),
                         doctest::Contains("no such host 'no..such.host'"), std::runtime_error);
}

TEST_CASE("a socket tells where it is bound") {
    const unique_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto any_port = address::resolve("127.0.0.1:0").front();
    REQUIRE(bind(socket.get(), any_port.data(), any_port.size()) == 0);
    const auto bound = address::of_socket(socket.get());
    CHECK(bound.family() == AF_INET);
    CHECK(bound.to_string().starts_with("127.0.0.1:"));
    CHECK(bound.to_string() != "127.0.0.1:0");
    CHECK_THROWS_AS(address::of_socket(-1), std::system_error);
}

} // namespace parley
