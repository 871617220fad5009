// Tests of escaped(): untrusted bytes reach users only as plain text.
#include "common/check.hpp"
#include "common/escaped.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/un.h>

namespace parley {

TEST_CASE("printable text stays as it is") {
    CHECK(escaped("") == "");
    CHECK(escaped("127.0.0.1:9999 ~ 'x'") == "127.0.0.1:9999 ~ 'x'");
}

TEST_CASE("what is not printable is spelled, and so is the backslash") {
    CHECK(escaped("a\nb\r\t\\n") == "a\\nb\\r\\t\\\\n");
    CHECK(escaped(std::string_view{"\x1b[2J\0\x7f", 6}) == "\\x1b[2J\\x00\\x7f");
    CHECK(escaped("\xc3\xa4") == "\\xc3\\xa4");
}

TEST_CASE("text for a terminal keeps its lines and its letters, and nothing that is a command") {
    CHECK(terminal_safe("") == "");
    CHECK(terminal_safe("a\nb \\ █▎ ä €  😀") == "a\nb \\ █▎ ä €  😀");
    CHECK(terminal_safe("\x1b]0;title\x07\r\t\x7f") == "\\x1b]0;title\\x07\\r\\t\\x7f");
    CHECK(terminal_safe("\xc2\x9b"
                        "2J") == "\\xc2\\x9b"
                                 "2J");                               // a control character of Unicode (C1)
    CHECK(terminal_safe("\x9b \xc0\xaf \xe0\x9b\x9b \xed\xa0\x80") == // no UTF-8
          "\\x9b \\xc0\\xaf \\xe0\\x9b\\x9b \\xed\\xa0\\x80");
    CHECK(terminal_safe("\xe2\x82") == "\\xe2\\x82"); // a truncated character
}

TEST_CASE("a client's name cannot forge a line of the log") {
    const temporary_folder folder;
    server_under_test server{"thread", "welcome", {"--listen", "unix:" + folder.file("socket")}, "debug"};
    const auto endpoint = ready_address(server.process().read_line(time_limit));

    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    folder.file("x\n00:00:00 error: all is lost\x1b[2J").copy(name.sun_path, sizeof name.sun_path - 1);
    {
        const unique_fd client{check("socket", [] { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
        check("bind",
              [&] { return bind(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name); });
        check("connect", [&] { return connect(client.get(), endpoint.data(), endpoint.size()); });
    }
    CHECK(eventually([&] {
        return server.process().error_output().find("x\\n00:00:00 error: all is lost\\x1b[2J: ended") !=
               std::string::npos;
    }));
    CHECK(server.process().error_output().find("\n00:00:00") == std::string::npos);
    CHECK(server.process().error_output().find('\x1b') == std::string::npos);
    CHECK(server.stop().end.exit_code() == 0);
}

} // namespace parley
