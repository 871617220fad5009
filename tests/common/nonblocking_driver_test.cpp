// How far a conversation goes without waiting, what it then waits for, and how little it holds meanwhile.
#include "common/session/nonblocking_driver.hpp"
#include "tests/support/example_sessions.hpp"
#include "tests/support/socket_pair.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>
#include <random>
#include <system_error>

using namespace std::chrono_literals;

namespace parley {

namespace {

using waits_for = nonblocking_driver::waits_for;

/// A session under its driver, and the peer's end of the wire.
struct conversation {
    explicit conversation(session talk) : conversation{std::move(talk), make_socket_pair(SOCK_NONBLOCK)} {}

    waits_for go_on() { return driver.go_on(spare, notes); }

    /// All that the driver has sent.
    std::string heard() {
        std::string text;
        input_area area;
        while (const auto bytes = peer.read_some(area)) {
            if (bytes->empty()) break;
            text += *bytes;
        }
        return text;
    }

    slot notes{};
    nonblocking_driver driver;
    connection peer;
    std::unique_ptr<input_area> spare;

private:
    conversation(session talk, socket_pair ends)
        : driver{std::move(talk), std::move(ends.ours)}, peer{std::move(ends.theirs)} {}
};

} // namespace

TEST_CASE("a conversation without input waits for input, and holds no memory for it") {
    conversation talk{echo()};
    CHECK(talk.go_on() == waits_for::input);
    CHECK(talk.spare);
    CHECK(talk.go_on() == waits_for::input);
}

TEST_CASE("what comes is answered at once") {
    conversation talk{echo()};
    CHECK(talk.peer.write_some("hello") == 5);
    CHECK(talk.go_on() == waits_for::input);
    CHECK(talk.heard() == "hello");
    CHECK(talk.spare);
    CHECK(talk.notes.bytes_in.get() == 5);
    CHECK(talk.notes.bytes_out.get() == 5);
    CHECK(talk.notes.requests.get() == 1);
}

TEST_CASE("a conversation reads once, so that it cannot keep the loop to itself") {
    conversation talk{quote_lines()};
    input_area full;
    full.fill('\n');
    std::size_t sent = 0;
    while (const auto count = talk.peer.write_some({full.data(), 2000})) sent += count;
    CHECK(talk.go_on() != waits_for::nothing);
    CHECK(talk.driver.wire().is_readable_within(0ms) == (sent > input_area{}.size()));
}

TEST_CASE("the end of input is the end of the session") {
    conversation talk{quote_lines()};
    CHECK(talk.peer.write_some("half a line") == 11);
    talk.peer.end_output();
    CHECK(talk.go_on() == waits_for::input);
    CHECK(talk.go_on() == waits_for::nothing);
    CHECK(talk.heard() == "<half a line>");
}

TEST_CASE("a driver can end the input of a session that waits for it") {
    conversation talk{quote_lines()};
    CHECK(talk.peer.write_some("half a line") == 11);
    CHECK(talk.go_on() == waits_for::input);
    talk.driver.feed({}, talk.notes);
    CHECK(talk.go_on() == waits_for::nothing);
    CHECK(talk.heard() == "<half a line>");
}

TEST_CASE("a peer that does not read is not read from, and costs a bounded amount of memory") {
    conversation talk{echo()};
    const std::string flood(1'000'000, 'x');
    std::size_t pushed = 0;
    auto state = talk.go_on();
    for (int round = 0; round != 1000; ++round) {
        pushed += talk.peer.write_some(flood);
        state = talk.go_on();
    }
    CHECK(state == waits_for::room);
    CHECK_FALSE(talk.spare);             // it keeps the one input area that it still has to send from
    CHECK(pushed < 300'000);             // two sockets' buffers and that area
    CHECK(talk.heard().size() < pushed); // the rest has not even been read
    CHECK(talk.go_on() != waits_for::nothing);
}

TEST_CASE("a slow reader gets every byte in order") {
    conversation talk{echo()};
    std::mt19937 random{7};
    std::string text(500'000, '\0');
    for (auto& byte : text) byte = static_cast<char>(random());
    std::string_view rest{text};
    std::string heard;
    for (int round = 0; round != 100'000 && heard.size() != text.size(); ++round) {
        rest.remove_prefix(talk.peer.write_some(rest.substr(0, random() % 5000)));
        if (random() % 3 == 0) {
            std::array<char, 1000> part;
            if (const auto bytes = talk.peer.read_some(part)) heard += *bytes;
        }
        talk.go_on();
    }
    const bool same = heard == text;
    CHECK(same);
}

TEST_CASE("many conversations share one input area") {
    conversation first{quote_lines()};
    conversation second{quote_lines()};
    std::unique_ptr<input_area> spare;
    slot notes{};
    CHECK(first.peer.write_some("on") == 2);
    CHECK(first.driver.go_on(spare, notes) == waits_for::input);
    const auto* area = spare.get();
    CHECK(second.peer.write_some("two\nthr") == 7);
    CHECK(second.driver.go_on(spare, notes) == waits_for::input);
    CHECK(spare.get() == area);
    CHECK(first.peer.write_some("e\n") == 2);
    CHECK(first.driver.go_on(spare, notes) == waits_for::input);
    CHECK(second.peer.write_some("ee\n") == 3);
    CHECK(second.driver.go_on(spare, notes) == waits_for::input);
    CHECK(first.heard() == "<one>");
    CHECK(second.heard() == "<two><three>");
}

namespace {
session wait_and_work() {
    while (auto line = co_await read_line()) {
        co_await pause(5ms);
        std::string result;
        auto work = [&] { result = fmt::format("{}!", *line); };
        co_await run(work);
        co_await reply(result);
    }
}
} // namespace

TEST_CASE("a session that pauses or computes keeps its input until it is done") {
    conversation talk{wait_and_work()};
    CHECK(talk.peer.write_some("one\ntwo\n") == 8);
    for (const std::string answer : {"one!", "two!"}) {
        CHECK(talk.go_on() == waits_for::time);
        CHECK(talk.driver.pause() == 5ms);
        CHECK_FALSE(talk.spare);
        talk.driver.done();
        CHECK(talk.go_on() == waits_for::work);
        CHECK_FALSE(talk.spare);
        talk.driver.work()();
        talk.driver.done();
        CHECK(talk.go_on() == (answer == "one!" ? waits_for::time : waits_for::input));
        CHECK(talk.heard() == answer);
    }
    CHECK(talk.spare);
}

TEST_CASE("a peer that has gone is an error") {
    conversation talk{echo()};
    CHECK(talk.peer.write_some("x") == 1);
    CHECK(talk.go_on() == waits_for::input);
    { const auto gone = talk.peer.release(); } // with our reply unread
    CHECK_THROWS_WITH_AS(talk.go_on(), "recv: Connection reset by peer", std::system_error);
}

namespace {
session fail() {
    co_await read_line();
    throw std::runtime_error("the service failed");
}
} // namespace

TEST_CASE("what a session throws comes through") {
    conversation talk{fail()};
    CHECK(talk.peer.write_some("x\n") == 2);
    CHECK_THROWS_WITH_AS(talk.go_on(), "the service failed", std::runtime_error);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their malloc(3) does not tell
TEST_CASE("a conversation that waits for input holds no memory of the replies that went out together") {
    conversation talk{quote_lines()};
    CHECK(talk.go_on() == waits_for::input);
    const auto before = mallinfo2().uordblks;
    std::string lines;
    for (int i = 0; i != 20; ++i) lines += std::string(200, 'x') + '\n';
    CHECK(talk.peer.write_some(lines) == lines.size());
    CHECK(talk.go_on() == waits_for::input);
    lines = std::string{};
    lines.shrink_to_fit();
    CHECK(talk.notes.requests.get() == 20);
    CHECK(mallinfo2().uordblks < before + 3000);
}
#endif

} // namespace parley
