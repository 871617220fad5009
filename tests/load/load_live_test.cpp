// Tests of the live view on a terminal, and of Ctrl-C.
#include "client/load/output/live_view.hpp"
#include "common/terminal_width.hpp"
#include "tests/support/pseudo_terminal.hpp"
#include "tests/support/scripted_server.hpp"

#include <algorithm>
#include <doctest/doctest.h>

namespace parley {

using namespace std::chrono_literals;

TEST_CASE("a sparkline has a bar for each value") {
    CHECK(sparkline({}).empty());
    CHECK(sparkline({0, 50, 100}) == "▁▅█");
    CHECK(sparkline({0, 0}) == "▁▁");
}

TEST_CASE("the view is drawn over itself, and goes without a trace") {
    live_view view{100ms};
    CHECK(view.cleared(100).empty());
    load_options options;
    options.duration = 1h;
    load_result so_far;
    so_far.stats.all_answered = 5;
    const auto first_view = view.redrawn(300ms, options, so_far, 100);
    CHECK(first_view.find("warming up") != std::string::npos);
    CHECK(first_view.find("so far: too few replies yet") != std::string::npos);
    CHECK(view.redrawn(310ms, options, so_far, 100).empty());
    for (int i = 0; i < 40; ++i) {
        interval interval{.begin = i * 100ms, .length = 100ms, .asked = 100, .errors = 0, .latency = {}};
        for (int answer = 0; answer < 100; ++answer) interval.latency.record(2ms);
        view.add(interval);
    }
    so_far.counted = 4s;
    so_far.stats.all_answered = so_far.stats.answered = 4'000;
    for (int answer = 0; answer < 4'000; ++answer) so_far.stats.latency.record(1ms);
    const auto second_view = view.redrawn(600ms, options, so_far, 100);
    CHECK(second_view.starts_with("\x1b[4A"));
    CHECK(second_view.find("1000 requests/s   4,000 replies   0 errors") != std::string::npos);
    CHECK(second_view.find("p50 2.00 ms   p90 2.00 ms   p99 -") != std::string::npos);
    CHECK(second_view.find("█████") != std::string::npos);
    CHECK(second_view.find("so far: valid") != std::string::npos);
    options.percentiles = {99.99}; // a percentile for which the run is still too short
    so_far.max_thread_cpu = 1;
    CHECK(view.redrawn(900ms, options, so_far, 100).find("so far: not valid: generator-bound") !=
          std::string::npos);
    so_far.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    CHECK(view.redrawn(1200ms, options, so_far, 100).find("so far: not valid: there are errors") !=
          std::string::npos);
    CHECK(view.cleared(100) == "\x1b[4A\r\x1b[J");
}

TEST_CASE("no line of the view is wider than the terminal, also after a resize") {
    const auto width_of_view = [](std::string_view text) {
        std::size_t widest = 0;
        for (auto begin = text.find('\r'); begin != text.npos; begin = text.find('\r', begin + 1))
            widest = std::max(widest, width_of(text.substr(begin + 1, text.find('\x1b', begin) - begin - 1)));
        return widest;
    };
    live_view view{100ms};
    load_options options;
    load_result so_far;
    so_far.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    const auto wide = view.redrawn(300ms, options, so_far, 200);
    CHECK(width_of_view(wide) > 80);
    // The first view is wrapped now: its verdict line takes three rows of 40 columns.
    const auto narrow = view.redrawn(600ms, options, so_far, 40);
    CHECK(narrow.starts_with("\x1b[8A\r\x1b[J"));
    CHECK(width_of_view(narrow) < 40);
    CHECK(view.redrawn(900ms, options, so_far, 40).starts_with("\x1b[4A\r"));
    CHECK(view.cleared(40) == "\x1b[4A\r\x1b[J");
    for (const std::size_t columns : {1, 2, 10, 60, 80})
        CHECK(width_of_view(view.redrawn(1h, options, so_far, columns)) < columns);
}

TEST_CASE("Ctrl-C on a terminal ends the load early, with the full report") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    pseudo_terminal terminal{24, 100};
    terminal.start({PARLEY_LOAD, server.endpoint().to_string(), "--connections", "2", "--duration", "1h",
                    "--warm-up", "0s"});
    REQUIRE(terminal.shows("so far:"));
    REQUIRE(terminal.shows("requests/s"));
    terminal.type("\x03");
    REQUIRE(terminal.shows("closed loop, interrupted"));
    CHECK(terminal.shows("verdict"));
    CHECK(terminal.end().starts_with("exit"));
}

} // namespace parley
