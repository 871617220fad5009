#include "common/human_numbers.hpp"

#include "common/duration.hpp"

#include <doctest/doctest.h>
#include <limits>

namespace parley {

using namespace std::chrono_literals;

TEST_CASE("times and counts are written for people") {
    CHECK(format_duration(0ns) == "0.00 us");
    CHECK(format_duration(9'996ns) == "10.0 us");
    CHECK(format_duration(412'345ns) == "412 us");
    CHECK(format_duration(999'600ns) == "1.00 ms");
    CHECK(format_duration(1'030ms) == "1.03 s");
    CHECK(format_duration(60s) == "60.0 s");
    CHECK(format_count(std::uint64_t{7}) == "7");
    CHECK(format_count(std::uint64_t{999}) == "999");
    CHECK(format_count(std::uint64_t{1'371'105}) == "1,371,105");
}

TEST_CASE("three digits are enough for a person") {
    CHECK(format_scaled(0) == "0.000");
    CHECK(format_scaled(0.0123) == "0.012");
    CHECK(format_scaled(9.999) == "10.0");
    CHECK(format_scaled(99.96) == "100");
    CHECK(format_scaled(999.6) == "1.00k");
    CHECK(format_scaled(98'123) == "98.1k");
    CHECK(format_scaled(1'234'567) == "1.23M");
}

TEST_CASE("numbers and times have five characters at most") {
    CHECK(format_short_count(0) == "0");
    CHECK(format_short_count(9'999) == "9999");
    CHECK(format_short_count(10'000) == "10.0k");
    CHECK(format_short_count(99'960) == "100k");
    CHECK(format_short_count(999'499) == "999k");
    CHECK(format_short_count(999'500) == "1.0M");
    CHECK(format_short_count(5'204'112) == "5.2M");
    CHECK(format_short_count(std::numeric_limits<std::uint64_t>::max()) == "18.4E");
    CHECK(format_short_rate(0) == "0");
    CHECK(format_short_rate(0.04) == "0.0");
    CHECK(format_short_rate(99.94) == "99.9");
    CHECK(format_short_rate(99.96) == "100");
    CHECK(format_short_rate(9'999.6) == "10.0k");
    CHECK(format_short_time(999ms) == "0s");
    CHECK(format_short_time(185s) == "3m05");
    CHECK(format_short_time(2h + 13min + 59s) == "2h13");
    CHECK(format_short_time(122h) == "5d02");
}

TEST_CASE("a quantity has three digits and its unit") {
    CHECK(format_quantity(9.994, "MB") == "9.99 MB");
    CHECK(format_quantity(9.996, "MB") == "10.0 MB");
    CHECK(format_quantity(99.96, "MB") == "100 MB");
    CHECK(format_quantity(480, "MB") == "480 MB");
}

TEST_CASE("the duration of an option is written as it is read") {
    CHECK(format_option(0ms) == "0s");
    CHECK(format_option(10s) == "10s");
    CHECK(format_option(1500ms) == "1500ms");
    for (const auto time : {0ms, 1ms, 999ms, 1000ms, 90'000ms})
        CHECK(parse_duration(format_option(time)) == time);
}

} // namespace parley
