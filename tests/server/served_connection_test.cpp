// Tests of served_connection with a kernel in memory. The peer may do anything in any order; an oracle of a
// few lines checks every state. A clock that only the test advances drives the shutdown.
#include "common/check.hpp"
#include "common/clock.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"
#include "server/loops/served_connection.hpp"
#include "tests/support/run_in_fork.hpp"

#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <optional>
#include <random>
#include <sys/eventfd.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// The kernel's state of one socket.
struct socket_in_memory {
    std::string incoming; // sent by the peer, not yet received
    bool saw_eof = false; // the peer has shut down its output
    bool reset = false;
    std::size_t send_space = 0; // free space in the send buffer
    std::string sent;
    int sends = 0;     // calls of send(2) that wrote something
    int shutdowns = 0; // calls of shutdown(2)

    [[nodiscard]] bool readable() const { return !incoming.empty() || saw_eof || reset; }
    [[nodiscard]] bool writable() const { return send_space > 0 || reset; }
};

socket_in_memory* kernel = nullptr;

ssize_t fail_with(int error) {
    errno = error;
    return -1;
}

} // namespace

} // namespace parley

// These replace the functions of libc. This program has no other socket.
extern "C" ssize_t recv(int, void* buffer, std::size_t size, int) {
    auto& socket = *parley::kernel;
    if (socket.reset) return parley::fail_with(ECONNRESET);
    if (socket.incoming.empty()) return socket.saw_eof ? 0 : parley::fail_with(EAGAIN);
    const auto count = socket.incoming.copy(static_cast<char*>(buffer), size);
    socket.incoming.erase(0, count);
    return static_cast<ssize_t>(count);
}
extern "C" ssize_t send(int, const void* bytes, std::size_t size, int) {
    auto& socket = *parley::kernel;
    if (socket.reset) return parley::fail_with(EPIPE);
    const auto count = std::min(size, socket.send_space);
    if (count == 0) return parley::fail_with(EAGAIN);
    ++socket.sends;
    socket.sent.append(static_cast<const char*>(bytes), count);
    socket.send_space -= count;
    return static_cast<ssize_t>(count);
}
extern "C" int shutdown(int, int) noexcept {
    ++parley::kernel->shutdowns;
    return 0;
}

namespace parley {

namespace {

using wants = served_connection::wants;

session repeat() {
    while (const auto bytes = co_await read_some()) co_await reply(*bytes);
}

/// A connection with a loop that resumes it only if it can make progress.
struct conversation {
    explicit conversation(const service& service) {
        kernel = &connection;
        // Any descriptor that can be closed.
        descriptor = check("eventfd", [] { return eventfd(0, EFD_CLOEXEC); });
        session.emplace(parley::connection{unique_fd{descriptor}}, service, self);
        resume();
    }

    void resume() {
        waits = session->resume(buffer);
        waits_needlessly |= waits == wants::write && connection.writable();
        if (waits == wants::done) session.reset();
    }
    [[nodiscard]] bool over() const { return !session; }
    [[nodiscard]] bool is_open() const { return fcntl(descriptor, F_GETFD) >= 0; }

    /// True if what the connection waits for has happened.
    [[nodiscard]] bool ready() const {
        return !over() &&
               (waits == wants::read ? connection.readable() : waits == wants::write && connection.writable());
    }
    void resume_while_ready() {
        while (ready()) resume();
    }

    /// Checks the timeout, as a loop does periodically.
    void check_timeouts(served_connection::time_point now, std::chrono::milliseconds idle_timeout = 0ms) {
        if (over() || !session->timed_out(now, idle_timeout)) return;
        session->abort();
        resume();
    }

    socket_in_memory connection;
    scoreboard board{1};
    worker self{board, 1};
    int descriptor = -1;
    std::optional<served_connection> session;
    wants waits = wants::read;
    bool waits_needlessly = false;
    std::unique_ptr<read_buffer> buffer;
};

/// Checks what must always hold of an echo. `peer_text` is all that the peer has sent so far.
const char* fault_of(const conversation& conversation, const std::string& peer_text) {
    const auto consumed = peer_text.size() - conversation.connection.incoming.size();
    const auto unsent = consumed - conversation.connection.sent.size();
    if (peer_text.compare(0, conversation.connection.sent.size(), conversation.connection.sent) != 0)
        return "it sends something else than it received";
    if (unsent > sizeof(read_buffer)) return "it stores more than one read buffer";
    if (conversation.connection.shutdowns > 1) return "it shut down its output twice";
    if (conversation.over() == conversation.is_open())
        return "it is over but its descriptor is open, or the reverse";
    if (conversation.over()) return nullptr;
    if (conversation.waits == wants::read && unsent != 0) return "it waits for input with unsent output";
    if (conversation.waits == wants::write && unsent == 0) return "it waits to write without output";
    if (conversation.waits_needlessly) return "it waits to write although it could";
    return nullptr;
}

/// Lets the peer do random things and then end properly, with a shutdown at some time if `stops`. Returns the
/// first fault.
const char* run_random_case(std::mt19937& random, bool stops) {
    conversation conversation{repeat};
    std::string peer_text;
    bool broken = false; // the connection was reset or timed out: some output may be missing
    auto now = coarse_now();
    const auto stop_at = random() % 40;
    for (unsigned turn = 0; turn != 40; ++turn) {
        switch (random() % 16) {
        case 0: conversation.connection.saw_eof = true; break;
        case 1: conversation.connection.reset = broken = broken || random() % 8 == 0; break;
        case 2: // the clock
            now += std::chrono::milliseconds{random() % 40};
            conversation.check_timeouts(now, 1000ms);
            broken |= conversation.over();
            break;
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: conversation.connection.send_space += random() % 10'000; break;
        default:
            if (conversation.connection.saw_eof) break;
            const std::string text(random() % 20'000, static_cast<char>('a' + random() % 26));
            peer_text += text;
            conversation.connection.incoming += text;
        }
        if (stops && turn == stop_at) stop_signal::request();
        if (random() % 2 == 0 && conversation.ready()) conversation.resume();
        if (const auto* const fault = fault_of(conversation, peer_text)) return fault;
    }
    conversation.connection.saw_eof = true;
    conversation.connection.send_space = peer_text.size();
    conversation.resume_while_ready();
    if (const auto* const fault = fault_of(conversation, peer_text); fault && !conversation.over())
        return fault;
    if (!conversation.over()) return "it does not end";
    return broken || conversation.connection.sent == peer_text ? nullptr : "it ended before it had sent all";
}

/// Returns the first fault of `cases` random cases, or an empty text.
std::string run_random_cases(unsigned seed, int cases, bool stop) {
    std::mt19937 random{seed};
    for (int number = 0; number != cases; ++number)
        if (const auto* const fault = run_random_case(random, stop))
            return "case " + std::to_string(number) + ": " + fault;
    return {};
}

session quote_lines() {
    while (const auto line = co_await read_line()) {
        const auto text = '<' + std::string{*line} + '>';
        co_await reply(text);
    }
}

/// Returns what a client of quote_lines() receives if it sends `text`.
std::string in_brackets(std::string_view text) {
    std::string quoted;
    for (bool at_line_start = true; const char character : text) {
        if (at_line_start) quoted += '<';
        at_line_start = character == '\n';
        quoted += at_line_start ? '>' : character;
    }
    return quoted;
}

} // namespace

TEST_CASE("replies to requests that came together go out together, and are counted when they have gone") {
    conversation conversation{quote_lines};
    const auto& stats = conversation.board.slot_of(1);
    conversation.connection.incoming = "a\nb\nc\nhalf slot_of";
    conversation.connection.send_space = 4;
    conversation.resume_while_ready();
    CHECK(conversation.connection.sent == "<a><");
    CHECK(conversation.connection.sends == 1);
    CHECK(conversation.waits == wants::write);
    CHECK(stats.requests.get() == 0);
    CHECK(stats.bytes_out.get() == 4);
    conversation.connection.send_space = 100;
    conversation.resume_while_ready();
    CHECK(conversation.connection.sent == "<a><b><c>");
    CHECK(conversation.connection.sends == 2);
    CHECK(conversation.waits == wants::read); // a partial line gets no reply yet
    CHECK(stats.requests.get() == 3);
    CHECK(stats.bytes_out.get() == 9);
}

TEST_CASE("a turn ends after 64 replies, though more requests are there") {
    conversation conversation{quote_lines};
    std::string input;
    for (int i = 0; i != 1000; ++i) input += "a\n";
    conversation.connection.incoming = input;
    conversation.connection.send_space = 10'000;
    unsigned turns = 0;
    do {
        conversation.resume();
        ++turns;
        CHECK(conversation.connection.sent.size() <= turns * 64 * std::string_view{"<a>"}.size());
    } while (conversation.waits == wants::yield);
    CHECK(conversation.connection.sent == in_brackets(input));
    CHECK(conversation.connection.sends == 16);
    CHECK(turns == 16);
    CHECK(conversation.board.slot_of(1).requests.get() == 1000);
}

TEST_CASE("large and small replies, and a reader as slow as can be, keep their order") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    std::mt19937 random{seed};
    for (int number = 0; number != 200; ++number) {
        conversation conversation{quote_lines};
        std::string input;
        for (auto lines = random() % 100; lines != 0; --lines)
            input.append(random() % 10 == 0 ? random() % 20'000 + 1 : random() % 30 + 1,
                         static_cast<char>('a' + random() % 26)) += '\n';
        const auto most_space = random() % 20'000 + 1;
        conversation.connection.incoming = input;
        conversation.connection.saw_eof = true;
        while (!conversation.over()) {
            conversation.connection.send_space += random() % most_space;
            conversation.resume();
        }
        const bool same = conversation.connection.sent == in_brackets(input);
        CHECK(same);
        CHECK(conversation.board.slot_of(1).requests.get() ==
              static_cast<std::uint64_t>(std::ranges::count(input, '\n')));
    }
}

namespace {
session fail_at_the_third_line() {
    for (int i = 0; i != 2; ++i) {
        const auto line = co_await read_line();
        const std::string text{*line};
        co_await reply(text);
    }
    co_await read_line();
    throw std::runtime_error("the service failed");
}
} // namespace

TEST_CASE("a session that fails has sent the replies that it had made before") {
    conversation conversation{fail_at_the_third_line};
    conversation.connection.incoming = "a\nb\nc\n";
    conversation.connection.send_space = 1;
    set_up_log("off");
    conversation.resume_while_ready();
    CHECK(conversation.connection.sent == "a");
    conversation.connection.send_space = 1;
    conversation.resume_while_ready();
    CHECK(conversation.connection.sent == "ab");
    CHECK(conversation.over());
}

TEST_CASE("whatever a peer does, an echo owes what it was told, holds one read at the most, and ends once") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    CHECK(run_random_cases(seed, 10'000, false) == "");
}

TEST_CASE("nor does a stop in the midst change that") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    for (unsigned number = 0; number != 100;
         // A shutdown cannot be undone, so each case has its own process.
         ++number)
        REQUIRE(run_in_fork([&] {
                    stop_signal::install(1h);
                    const auto fault = run_random_cases(seed + number, 1, true);
                    require(fault.empty(), fault.c_str());
                }) == "exit 0");
}

namespace {

/// Runs `after(conversation, time of the shutdown)` in its own process, after `before` and a shutdown
/// request.
template <class Before, class After>
std::string stop_between(std::chrono::milliseconds grace, const service& service, Before before, After after) {
    return run_in_fork([&] {
        stop_signal::install(grace);
        conversation conversation{service};
        before(conversation);
        stop_signal::request();
        after(conversation, coarse_now());
    });
}

constexpr auto nothing_before = [](conversation&) {};

} // namespace

TEST_CASE("after a stop: who is silent gets the end once it is certain that nothing is on its way") {
    CHECK(stop_between(1h, repeat, nothing_before, [](conversation& conversation, auto now) {
              conversation.check_timeouts(now);
              require(!conversation.over() && conversation.connection.shutdowns == 0,
                      "something may be on its way");
              conversation.check_timeouts(now + 2 * stop_signal::idle_after_stop);
              require(conversation.over() || conversation.connection.shutdowns == 1, "the end");
          }) == "exit 0");
}

TEST_CASE("after a stop: who has half of its reply gets the other half, however late") {
    const auto before = [](conversation& conversation) {
        conversation.connection.incoming = "hello";
        conversation.connection.send_space = 2;
        conversation.resume_while_ready();
    };
    CHECK(stop_between(1h, repeat, before, [](conversation& conversation, auto now) {
              conversation.check_timeouts(now + 30min);
              require(!conversation.over() && conversation.connection.sent == "he", "it waits for room");
              conversation.connection.send_space = 3;
              conversation.resume_while_ready();
              require(conversation.connection.sent == "hello", "the other half");
          }) == "exit 0");
}

TEST_CASE("after a stop: who never reads is cut off when the grace is over") {
    const auto before = [](conversation& conversation) {
        conversation.connection.incoming = "hello";
        conversation.resume_while_ready();
    };
    CHECK(stop_between(1h, repeat, before, [](conversation& conversation, auto now) {
              conversation.check_timeouts(now + 59min);
              require(!conversation.over(), "within the grace");
          }) == "exit 0");
    CHECK(stop_between(0ms, repeat, before, [](conversation& conversation, auto now) {
              conversation.check_timeouts(now);
              require(conversation.over() && !conversation.is_open(), "cut off");
              require(conversation.connection.sent.empty(), "nothing was sent");
          }) == "exit 0");
}

namespace {
session pausing() {
    const std::string_view done = "done";
    co_await pause(1h);
    co_await reply(done);
}
} // namespace

TEST_CASE("after a stop: who is being worked for is waited for, up to the grace") {
    CHECK(stop_between(1h, pausing, nothing_before, [](conversation& conversation, auto now) {
              require(conversation.waits == wants::timer, "it pauses");
              conversation.check_timeouts(now + 30min);
              require(!conversation.over(), "within the grace");
              conversation.session->done();
              conversation.connection.send_space = 4;
              conversation.resume();
              require(conversation.connection.sent == "done", "its answer");
          }) == "exit 0");
    CHECK(stop_between(0ms, pausing, nothing_before, [](conversation& conversation, auto now) {
              conversation.check_timeouts(now);
              require(conversation.over(), "cut off");
          }) == "exit 0");
}

TEST_CASE("after a stop: a client that has its last reply is not waited for") {
    const service silent_service = [] { return [](int) -> session { co_return; }(0); };
    CHECK(stop_between(1h, silent_service, nothing_before, [](conversation& conversation, auto now) {
              require(conversation.connection.shutdowns == 1, "its output is shut down");
              conversation.check_timeouts(now);
              require(conversation.over(), "closed");
          }) == "exit 0");
}

TEST_CASE("without a stop: who completes no request for the idle time is let go, and no sooner") {
    conversation silent{repeat};
    const auto begin = coarse_now();
    silent.check_timeouts(begin + 900ms, 1s);
    CHECK(!silent.over());
    silent.check_timeouts(begin + 1100ms, 1s);
    CHECK(silent.connection.shutdowns + (silent.over() ? 1 : 0) > 0);
    silent.connection.saw_eof = true;
    silent.resume_while_ready();
    CHECK(silent.over());
}

} // namespace parley
