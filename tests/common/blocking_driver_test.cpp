// Tests of the blocking driver. The peer acts before the driver runs, so no call blocks for long.
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

/// A peer and a worker that serves it.
struct blocking_session {
    void run(session session, std::chrono::milliseconds idle_timeout = 0ms) {
        worker self{board, 1};
        std::optional<connection> local{std::move(ends.local)};
        drive_blocking(session, *local, self, idle_timeout);
    }
    void write_all(std::string_view text) { CHECK(ends.remote.write_some(text) == text.size()); }
    std::string received() {
        std::string text;
        for (read_buffer buffer;;) {
            const auto bytes = ends.remote.read_some(buffer);
            if (!bytes || bytes->empty()) return text;
            text += *bytes;
        }
    }

    socket_pair ends = make_socket_pair(0);
    scoreboard board{1};
};

} // namespace

TEST_CASE("lines are answered up to the end of the peer's input, and counted") {
    blocking_session blocking_session;
    blocking_session.write_all("a\nbc\nd");
    blocking_session.ends.remote.shutdown_write();
    blocking_session.run(quote_lines());
    CHECK(blocking_session.received() == "<a><bc><d>");
    const auto& stats = blocking_session.board.slot_of(1);
    CHECK(stats.requests.get() == 3);
    CHECK(stats.bytes_in.get() == 6);
    CHECK(stats.bytes_out.get() == 10);
}

namespace {
session reply_much() {
    const std::string long_reply(1'000'000, 'x');
    co_await reply(long_reply);
}
} // namespace

TEST_CASE("a peer that is silent, or does not read, is let go after the idle time") {
    blocking_session silent;
    silent.write_all("a\nb");
    silent.run(quote_lines(), 1ms);
    CHECK(silent.received() == "<a><b>"); // the session sees the timeout as end of input
    blocking_session unreading;
    unreading.run(reply_much(), 1ms);
    CHECK(unreading.received().size() < 1'000'000);
}

namespace {
session greet() {
    const std::string_view greeting = "welcome";
    co_await reply(greeting);
}
} // namespace

TEST_CASE("who ends first reads off what the peer still sends, so that its last words arrive") {
    blocking_session blocking_session;
    blocking_session.write_all("never read by the session");
    blocking_session.ends.remote.shutdown_write();
    blocking_session.run(greet());
    CHECK(blocking_session.received() == "welcome"); // and no reset
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
    blocking_session blocking_session;
    blocking_session.ends.remote.shutdown_write();
    blocking_session.run(pause_and_work());
    CHECK(blocking_session.received() == "worked");
}

TEST_CASE("what a session throws, and a lost connection, come through") {
    blocking_session failing;
    failing.write_all("x\n");
    CHECK_THROWS_WITH_AS(failing.run(fail()), "the service failed", std::runtime_error);
    blocking_session lost;
    { const auto closed = lost.ends.remote.release(); }
    CHECK_THROWS_WITH_AS(lost.run(greet()), "send: Broken pipe", std::system_error);
}

TEST_CASE("amid a stop, what the peer has sent is answered, and then comes the end of input") {
    CHECK(run_in_fork([] {
              stop_signal::install(30s);
              blocking_session blocking_session;
              blocking_session.write_all("a\nb\n");
              raise(SIGTERM);
              blocking_session.run(quote_lines());
              require(blocking_session.received() == "<a><b>", "both are answered");
          }) == "exit 0");
}

TEST_CASE("a pause ends with the grace") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              blocking_session blocking_session;
              raise(SIGTERM);
              blocking_session.run([]() -> session { co_await pause(1h); }());
          }) == "exit 0");
}

} // namespace parley
