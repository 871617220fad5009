// Tests of the log: it blocks no server, and clients cannot forge lines.
#include "common/log.hpp"
#include "tests/support/run_in_fork.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdexcept>

namespace parley {

namespace {

/// Returns what `body` logs in a process of its own.
template <class Body>
std::string logged(Body body) {
    std::array<int, 2> ends{};
    check("pipe", [&] { return pipe(ends.data()); });
    CHECK(run_in_fork([&] {
              dup2(ends[1], STDERR_FILENO);
              body();
          }) == "exit 0");
    close(ends[1]);
    std::string text(65536, '\0');
    const auto size = read(ends[0], text.data(), text.size());
    close(ends[0]);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
}

} // namespace

TEST_CASE("a level lets through what is as grave, and no more") {
    const auto text = logged([] {
        set_up_log("warn");
        log::info("not this");
        log::warn("this");
        log::error("and this");
    });
    CHECK(text.find("not this") == std::string::npos);
    CHECK(text.find(" warning: this\n") != std::string::npos);
    CHECK(text.find(" error: and this\n") != std::string::npos);
}

TEST_CASE("a level that is none is refused with those known") {
    CHECK_THROWS_WITH_AS(set_up_log("loud"),
                         "no such log level 'loud': choose trace, debug, info, warn, error or off",
                         std::invalid_argument);
}

TEST_CASE("one message is one line, whatever a client has put into it") {
    const auto text = logged([] {
        set_up_log("info");
        log::info("{}", "a\nb\x1b[31m");
    });
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("a reader of the log that does not read loses lines, and stops nobody") {
    const auto text = logged([] {
        set_up_log("info");
        for (int line = 0; line != 10'000; ++line) log::info("line {}", line);
    });
    CHECK(text.find("line 0\n") != std::string::npos);
}

TEST_CASE("what is complained of again and again is said once a second") {
    once_a_second complain;
    CHECK(complain());
    CHECK_FALSE(complain());
}

} // namespace parley
