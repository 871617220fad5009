// A conversation carried by calls that wait. What the peer does, it has done before: so nothing waits for long.
#include "common/process/stop_signal.hpp"
#include "common/session/blocking_driver.hpp"
#include "tests/support/example_sessions.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <optional>
#include <system_error>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// A peer, and a worker that talks to it.
struct encounter {
    void run(session session, std::chrono::milliseconds idle_timeout = 0ms) {
        worker self{board, 1};
        std::optional<connection> ours{std::move(ends.ours)};
        drive_blocking(session, *ours, self, idle_timeout);
    }
    void say(std::string_view text) { CHECK(ends.theirs.write_some(text) == text.size()); }
    std::string heard() {
        std::string all;
        for (read_buffer area;;) {
            const auto bytes = ends.theirs.read_some(area);
            if (!bytes || bytes->empty()) return all;
            all += *bytes;
        }
    }

    socket_pair ends = make_socket_pair(0);
    scoreboard board{1};
};

} // namespace

TEST_CASE("lines are answered up to the end of the peer's input, and counted") {
    encounter one;
    one.say("a\nbc\nd");
    one.ends.theirs.shutdown_write();
    one.run(quote_lines());
    CHECK(one.heard() == "<a><bc><d>");
    const auto& stats = one.board.slot_of(1);
    CHECK(stats.requests.get() == 3);
    CHECK(stats.bytes_in.get() == 6);
    CHECK(stats.bytes_out.get() == 10);
}

namespace {
session say_much() {
    const std::string much(1'000'000, 'x');
    co_await reply(much);
}
} // namespace

TEST_CASE("a peer that is silent, or does not read, is let go after the idle time") {
    encounter silent;
    silent.say("a\nb");
    silent.run(quote_lines(), 1ms);
    CHECK(silent.heard() == "<a><b>"); // to the session it is the end of input
    encounter unreading;
    unreading.run(say_much(), 1ms);
    CHECK(unreading.heard().size() < 1'000'000);
}

namespace {
session greet() {
    const std::string_view greeting = "welcome";
    co_await reply(greeting);
}
} // namespace

TEST_CASE("who ends first reads off what the peer still sends, so that its last words arrive") {
    encounter one;
    one.say("never read by the session");
    one.ends.theirs.shutdown_write();
    one.run(greet());
    CHECK(one.heard() == "welcome"); // and no reset
}

namespace {
session pause_and_work() {
    co_await pause(1ms);
    std::string result;
    auto work = [&] { result = "worked"; };
    co_await run(work);
    co_await reply(result);
}

session fail() {
    co_await read_line();
    throw std::runtime_error("the service failed");
}
} // namespace

TEST_CASE("pauses and work are carried out in line") {
    encounter one;
    one.ends.theirs.shutdown_write();
    one.run(pause_and_work());
    CHECK(one.heard() == "worked");
}

TEST_CASE("what a session throws, and a lost connection, come through") {
    encounter failing;
    failing.say("x\n");
    CHECK_THROWS_WITH_AS(failing.run(fail()), "the service failed", std::runtime_error);
    encounter lost;
    { const auto gone = lost.ends.theirs.release(); }
    CHECK_THROWS_WITH_AS(lost.run(greet()), "send: Broken pipe", std::system_error);
}

TEST_CASE("amid a stop, what the peer has sent is answered, and then comes the end of input") {
    CHECK(run_in_fork([] {
              stop_signal::install(30s);
              encounter one;
              one.say("a\nb\n");
              raise(SIGTERM);
              one.run(quote_lines());
              require(one.heard() == "<a><b>", "both are answered");
          }) == "exit 0");
}

TEST_CASE("a pause ends with the grace") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              encounter one;
              raise(SIGTERM);
              one.run([]() -> session { co_await pause(1h); }());
          }) == "exit 0");
}

} // namespace parley
