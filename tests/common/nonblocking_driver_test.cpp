// Tests of the nonblocking driver: how far it runs without waiting, what it waits for next, and how little
// memory it uses in between.
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

using wants = nonblocking_driver::wants;

/// A session under its driver, and the peer's end of the connection.
struct conversation {
    explicit conversation(session session)
        : conversation{std::move(session), make_socket_pair(SOCK_NONBLOCK)} {}

    wants resume() { return driver.resume(buffer, stats); }

    /// Returns everything that the driver has sent.
    std::string received() {
        std::string text;
        read_buffer received_bytes;
        while (const auto bytes = peer.read_some(received_bytes)) {
            if (bytes->empty()) break;
            text += *bytes;
        }
        return text;
    }

    slot stats{};
    nonblocking_driver driver;
    connection peer;
    std::unique_ptr<read_buffer> buffer;

private:
    conversation(session session, socket_pair ends)
        : driver{std::move(session), std::move(ends.local)}, peer{std::move(ends.remote)} {}
};

} // namespace

TEST_CASE("a conversation without input waits for input, and holds no memory for it") {
    conversation session{echo()};
    CHECK(session.resume() == wants::read);
    CHECK(session.buffer);
    CHECK(session.resume() == wants::read);
}

TEST_CASE("what comes is answered at once") {
    conversation session{echo()};
    CHECK(session.peer.write_some("hello") == 5);
    CHECK(session.resume() == wants::read);
    CHECK(session.received() == "hello");
    CHECK(session.buffer);
    CHECK(session.stats.bytes_in.get() == 5);
    CHECK(session.stats.bytes_out.get() == 5);
    CHECK(session.stats.requests.get() == 1);
}

TEST_CASE("a conversation reads once, so that it cannot keep the loop to itself") {
    conversation session{quote_lines()};
    read_buffer full;
    full.fill('\n');
    std::size_t sent = 0;
    while (const auto count = session.peer.write_some({full.data(), 2000})) sent += count;
    CHECK(session.resume() != wants::done);
    CHECK(session.driver.get_connection().is_readable_within(0ms) == (sent > read_buffer{}.size()));
}

TEST_CASE("the end of input is the end of the session") {
    conversation session{quote_lines()};
    CHECK(session.peer.write_some("half a line") == 11);
    session.peer.shutdown_write();
    CHECK(session.resume() == wants::read);
    CHECK(session.resume() == wants::done);
    CHECK(session.received() == "<half a line>");
}

TEST_CASE("a driver can end the input of a session that waits for it") {
    conversation session{quote_lines()};
    CHECK(session.peer.write_some("half a line") == 11);
    CHECK(session.resume() == wants::read);
    session.driver.feed({}, session.stats);
    CHECK(session.resume() == wants::done);
    CHECK(session.received() == "<half a line>");
}

TEST_CASE("a peer that does not read is not read from, and costs a bounded amount of memory") {
    conversation session{echo()};
    const std::string flood(1'000'000, 'x');
    std::size_t written = 0;
    auto state = session.resume();
    for (int round = 0; round != 1000; ++round) {
        written += session.peer.write_some(flood);
        state = session.resume();
    }
    CHECK(state == wants::write);
    CHECK_FALSE(session.buffer); // the session keeps the read buffer, because it still has to send from it
    CHECK(written < 300'000);    // two socket buffers and the read buffer
    CHECK(session.received().size() < written); // the rest is still unread in the socket
    CHECK(session.resume() != wants::done);
}

TEST_CASE("a slow reader gets every byte in order") {
    conversation session{echo()};
    std::mt19937 random{7};
    std::string text(500'000, '\0');
    for (auto& byte : text) byte = static_cast<char>(random());
    std::string_view rest{text};
    std::string received;
    for (int round = 0; round != 100'000 && received.size() != text.size(); ++round) {
        rest.remove_prefix(session.peer.write_some(rest.substr(0, random() % 5000)));
        if (random() % 3 == 0) {
            std::array<char, 1000> chunk;
            if (const auto bytes = session.peer.read_some(chunk)) received += *bytes;
        }
        session.resume();
    }
    const bool same = received == text;
    CHECK(same);
}

TEST_CASE("many conversations share one input area") {
    conversation first{quote_lines()};
    conversation second{quote_lines()};
    std::unique_ptr<read_buffer> buffer;
    slot stats{};
    CHECK(first.peer.write_some("on") == 2);
    CHECK(first.driver.resume(buffer, stats) == wants::read);
    const auto* first_buffer = buffer.get();
    CHECK(second.peer.write_some("two\nthr") == 7);
    CHECK(second.driver.resume(buffer, stats) == wants::read);
    CHECK(buffer.get() == first_buffer);
    CHECK(first.peer.write_some("e\n") == 2);
    CHECK(first.driver.resume(buffer, stats) == wants::read);
    CHECK(second.peer.write_some("ee\n") == 3);
    CHECK(second.driver.resume(buffer, stats) == wants::read);
    CHECK(first.received() == "<one>");
    CHECK(second.received() == "<two><three>");
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
    conversation session{wait_and_work()};
    CHECK(session.peer.write_some("one\ntwo\n") == 8);
    for (const std::string answer : {"one!", "two!"}) {
        CHECK(session.resume() == wants::timer);
        CHECK(session.driver.pause() == 5ms);
        CHECK_FALSE(session.buffer);
        session.driver.done();
        CHECK(session.resume() == wants::compute);
        CHECK_FALSE(session.buffer);
        session.driver.work()();
        session.driver.done();
        CHECK(session.resume() == (answer == "one!" ? wants::timer : wants::read));
        CHECK(session.received() == answer);
    }
    CHECK(session.buffer);
}

TEST_CASE("a peer that has gone is an error") {
    conversation session{echo()};
    CHECK(session.peer.write_some("x") == 1);
    CHECK(session.resume() == wants::read);
    { const auto closed = session.peer.release(); } // with an unread reply
    CHECK_THROWS_WITH_AS(session.resume(), "recv: Connection reset by peer", std::system_error);
}

namespace {
session fail() {
    co_await read_line();
    throw std::runtime_error("the service failed");
}
} // namespace

TEST_CASE("what a session throws comes through") {
    conversation session{fail()};
    CHECK(session.peer.write_some("x\n") == 2);
    CHECK_THROWS_WITH_AS(session.resume(), "the service failed", std::runtime_error);
}

// Sanitizers replace malloc(3), which mallinfo2(3) needs.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a conversation that waits for input holds no memory of the replies that went out together") {
    conversation session{quote_lines()};
    CHECK(session.resume() == wants::read);
    const auto before = mallinfo2().uordblks;
    std::string lines;
    for (int i = 0; i != 20; ++i) lines += std::string(200, 'x') + '\n';
    CHECK(session.peer.write_some(lines) == lines.size());
    CHECK(session.resume() == wants::read);
    lines = std::string{};
    lines.shrink_to_fit();
    CHECK(session.stats.requests.get() == 20);
    CHECK(mallinfo2().uordblks < before + 3000);
}
#endif

} // namespace parley
