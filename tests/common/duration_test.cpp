// Tests of parse_duration: accepted texts, and the error for each wrong one.
#include "common/duration.hpp"

#include <doctest/doctest.h>
#include <stdexcept>

using namespace std::chrono_literals;

namespace parley {

TEST_CASE("a duration is a whole number and its unit") {
    CHECK(parse_duration("0ms") == 0ms);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("10s") == 10s);
    CHECK(parse_duration("1m") == 1min);
    CHECK(parse_duration("24h") == 24h);
}

TEST_CASE("what is no duration is named, with what to write") {
    for (const auto* text : {"", "10", "s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1d", "ten s", "1sm"})
        CHECK_THROWS_WITH_AS(parse_duration(text), doctest::Contains(text), std::invalid_argument);
    CHECK_THROWS_WITH_AS(parse_duration("10"), doctest::Contains("500ms, 10s, 1m or 2h"),
                         std::invalid_argument);
}

TEST_CASE("no duration is longer than a day") {
    for (const auto* text :
         {"25h", "86401s", "86400001ms", "18446744073709551615h", "99999999999999999999999s"})
        CHECK_THROWS_WITH_AS(parse_duration(text), doctest::Contains("a day is the longest"),
                             std::invalid_argument);
}

} // namespace parley
