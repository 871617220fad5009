// Tests of check(): errors of system calls as exceptions.
#include "common/check.hpp"

#include <doctest/doctest.h>
#include <system_error>

namespace parley {

TEST_CASE("a call that succeeds gives its result") {
    CHECK(check("open", [] { return 7; }) == 7);
    CHECK(check("read", "file", [] { return 0L; }) == 0);
}

TEST_CASE("a call that a signal interrupts is repeated") {
    int attempts = 0;
    const auto result = check("accept", [&] {
        errno = EINTR;
        return ++attempts < 4 ? -1 : 12;
    });
    CHECK(result == 12);
    CHECK(attempts == 4);
}

TEST_CASE("a call that fails is named with its object and its reason") {
    const auto fail = [] {
        errno = EADDRINUSE;
        return -1;
    };
    CHECK_THROWS_WITH_AS(check("bind", "127.0.0.1:9999", fail), "bind 127.0.0.1:9999: Address already in use",
                         std::system_error);
    CHECK_THROWS_WITH_AS(check("bind", fail), "bind: Address already in use", std::system_error);
    try {
        check("bind", fail);
    } catch (const std::system_error& error) {
        CHECK(error.code().value() == EADDRINUSE);
    }
}

} // namespace parley
