// A conversation under an event loop, with a kernel in memory: whatever the peer does, in whatever order, a
// small oracle knows what may come of it. And its end after a stop, by a clock that only the test advances.
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

/// The kernel's side of one socket.
struct socket_in_memory {
    std::string incoming; // sent by the peer, not yet received
    bool peer_ended = false;
    bool reset = false;
    std::size_t room = 0; // for what is sent
    std::string sent;
    int sends = 0;          // that carried something
    int stop_listening = 0; // how often our output was ended

    [[nodiscard]] bool readable() const { return !incoming.empty() || peer_ended || reset; }
    [[nodiscard]] bool writable() const { return room > 0 || reset; }
};

socket_in_memory* kernel = nullptr;

ssize_t fail_with(int error) {
    errno = error;
    return -1;
}

} // namespace

} // namespace parley

// They stand before those of libc. This program has no other socket.
extern "C" ssize_t recv(int, void* into, std::size_t size, int) {
    auto& from = *parley::kernel;
    if (from.reset) return parley::fail_with(ECONNRESET);
    if (from.incoming.empty()) return from.peer_ended ? 0 : parley::fail_with(EAGAIN);
    const auto count = from.incoming.copy(static_cast<char*>(into), size);
    from.incoming.erase(0, count);
    return static_cast<ssize_t>(count);
}
extern "C" ssize_t send(int, const void* bytes, std::size_t size, int) {
    auto& to = *parley::kernel;
    if (to.reset) return parley::fail_with(EPIPE);
    const auto count = std::min(size, to.room);
    if (count == 0) return parley::fail_with(EAGAIN);
    ++to.sends;
    to.sent.append(static_cast<const char*>(bytes), count);
    to.room -= count;
    return static_cast<ssize_t>(count);
}
extern "C" int shutdown(int, int) noexcept {
    ++parley::kernel->stop_listening;
    return 0;
}

namespace parley {

namespace {

using wants = served_connection::wants;

session repeat() {
    while (const auto bytes = co_await read_some()) co_await reply(*bytes);
}

/// A conversation, and a loop that goes on with it only when that can be of use.
struct conversation {
    explicit conversation(const service& offered) {
        kernel = &connection;
        descriptor = check("eventfd", [] { return eventfd(0, EFD_CLOEXEC); }); // anything that can be closed
        session.emplace(parley::connection{unique_fd{descriptor}}, offered, self);
        resume();
    }

    void resume() {
        waits = session->resume(buffer);
        waits_for_what_is_there |= waits == wants::write && connection.writable();
        if (waits == wants::done) session.reset();
    }
    [[nodiscard]] bool over() const { return !session; }
    [[nodiscard]] bool is_open() const { return fcntl(descriptor, F_GETFD) >= 0; }

    /// Is what it waits for so?
    [[nodiscard]] bool ready() const {
        return !over() &&
               (waits == wants::read ? connection.readable() : waits == wants::write && connection.writable());
    }
    void go_on_while_ready() {
        while (ready()) resume();
    }

    /// As a loop does it now and then.
    void look(served_connection::time_point now, std::chrono::milliseconds idle_timeout = 0ms) {
        if (over() || !session->timed_out(now, idle_timeout)) return;
        session->give_up();
        resume();
    }

    socket_in_memory connection;
    scoreboard board{1};
    worker self{board, 1};
    int descriptor = -1;
    std::optional<served_connection> session;
    wants waits = wants::read;
    bool waits_for_what_is_there = false;
    std::unique_ptr<read_buffer> buffer;
};

/// What must hold of an echo at any time: `said` is all that the peer has said so far.
const char* fault_of(const conversation& now, const std::string& said) {
    const auto received = said.size() - now.connection.incoming.size();
    const auto held = received - now.connection.sent.size();
    if (said.compare(0, now.connection.sent.size(), now.connection.sent) != 0)
        return "what it says is not what it owes";
    if (held > sizeof(read_buffer)) return "it holds more than one read";
    if (now.connection.stop_listening > 1) return "it ended its output twice";
    if (now.over() == now.is_open()) return "it is over and open, or neither";
    if (now.over()) return nullptr;
    if (now.waits == wants::read && held != 0) return "it waits for input while it owes";
    if (now.waits == wants::write && held == 0) return "it waits for room while it owes nothing";
    if (now.waits_for_what_is_there) return "it waits for room that is there";
    return nullptr;
}

/// Lets a peer do anything, and then be well-behaved; `stop` at some time, where it is given. Returns what was
/// wrong.
const char* live(std::mt19937& random, bool stops) {
    conversation one{repeat};
    std::string said;
    bool hurt = false; // by itself or by a clock: then it need not end well
    auto now = coarse_now();
    const auto stop_at = random() % 40;
    for (unsigned turn = 0; turn != 40; ++turn) {
        switch (random() % 16) {
        case 0: one.connection.peer_ended = true; break;
        case 1: one.connection.reset = hurt = hurt || random() % 8 == 0; break;
        case 2: // the clock
            now += std::chrono::milliseconds{random() % 40};
            one.look(now, 1000ms);
            hurt |= one.over();
            break;
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: one.connection.room += random() % 10'000; break;
        default:
            if (one.connection.peer_ended) break;
            const std::string text(random() % 20'000, static_cast<char>('a' + random() % 26));
            said += text;
            one.connection.incoming += text;
        }
        if (stops && turn == stop_at) stop_signal::request();
        if (random() % 2 == 0 && one.ready()) one.resume();
        if (const auto* const fault = fault_of(one, said)) return fault;
    }
    one.connection.peer_ended = true;
    one.connection.room = said.size();
    one.go_on_while_ready();
    if (const auto* const fault = fault_of(one, said); fault && !one.over()) return fault;
    if (!one.over()) return "it does not end";
    return hurt || one.connection.sent == said ? nullptr : "it ended before it had said all";
}

/// Returns what was wrong with the first case that failed.
std::string live_often(unsigned seed, int cases, bool stop) {
    std::mt19937 random{seed};
    for (int number = 0; number != cases; ++number)
        if (const auto* const fault = live(random, stop))
            return "case " + std::to_string(number) + ": " + fault;
    return {};
}

session quote_lines() {
    while (const auto line = co_await read_line()) {
        const auto text = '<' + std::string{*line} + '>';
        co_await reply(text);
    }
}

/// What a client of quote_lines() hears if it says `said`.
std::string in_brackets(std::string_view said) {
    std::string all;
    for (bool begins = true; const char each : said) {
        if (begins) all += '<';
        begins = each == '\n';
        all += begins ? '>' : each;
    }
    return all;
}

} // namespace

TEST_CASE("replies to requests that came together go out together, and are counted when they have gone") {
    conversation one{quote_lines};
    const auto& stats = one.board.slot_of(1);
    one.connection.incoming = "a\nb\nc\nhalf of";
    one.connection.room = 4;
    one.go_on_while_ready();
    CHECK(one.connection.sent == "<a><");
    CHECK(one.connection.sends == 1);
    CHECK(one.waits == wants::write);
    CHECK(stats.requests.get() == 0);
    CHECK(stats.bytes_out.get() == 4);
    one.connection.room = 100;
    one.go_on_while_ready();
    CHECK(one.connection.sent == "<a><b><c>");
    CHECK(one.connection.sends == 2);
    CHECK(one.waits == wants::read); // nothing waits for the other half
    CHECK(stats.requests.get() == 3);
    CHECK(stats.bytes_out.get() == 9);
}

TEST_CASE("a turn ends after 64 replies, though more requests are there") {
    conversation one{quote_lines};
    std::string said;
    for (int i = 0; i != 1000; ++i) said += "a\n";
    one.connection.incoming = said;
    one.connection.room = 10'000;
    unsigned turns = 0;
    do {
        one.resume();
        ++turns;
        CHECK(one.connection.sent.size() <= turns * 64 * std::string_view{"<a>"}.size());
    } while (one.waits == wants::yield);
    CHECK(one.connection.sent == in_brackets(said));
    CHECK(one.connection.sends == 16);
    CHECK(turns == 16);
    CHECK(one.board.slot_of(1).requests.get() == 1000);
}

TEST_CASE("large and small replies, and a reader as slow as can be, keep their order") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    std::mt19937 random{seed};
    for (int number = 0; number != 200; ++number) {
        conversation one{quote_lines};
        std::string said;
        for (auto lines = random() % 100; lines != 0; --lines)
            said.append(random() % 10 == 0 ? random() % 20'000 + 1 : random() % 30 + 1,
                        static_cast<char>('a' + random() % 26)) += '\n';
        const auto most_room = random() % 20'000 + 1;
        one.connection.incoming = said;
        one.connection.peer_ended = true;
        while (!one.over()) {
            one.connection.room += random() % most_room;
            one.resume();
        }
        const bool same = one.connection.sent == in_brackets(said);
        CHECK(same);
        CHECK(one.board.slot_of(1).requests.get() ==
              static_cast<std::uint64_t>(std::ranges::count(said, '\n')));
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
    conversation one{fail_at_the_third_line};
    one.connection.incoming = "a\nb\nc\n";
    one.connection.room = 1;
    set_up_log("off");
    one.go_on_while_ready();
    CHECK(one.connection.sent == "a");
    one.connection.room = 1;
    one.go_on_while_ready();
    CHECK(one.connection.sent == "ab");
    CHECK(one.over());
}

TEST_CASE("whatever a peer does, an echo owes what it was told, holds one read at the most, and ends once") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    CHECK(live_often(seed, 10'000, false) == "");
}

TEST_CASE("nor does a stop in the midst change that") {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    for (unsigned number = 0; number != 100; ++number) // a stop cannot be taken back
        REQUIRE(run_in_fork([&] {
                    stop_signal::install(1h);
                    const auto fault = live_often(seed + number, 1, true);
                    require(fault.empty(), fault.c_str());
                }) == "exit 0");
}

namespace {

/// In a process of its own, after a stop: `test(conversation, moment of the stop)`.
template <class Before, class After>
std::string stop_between(std::chrono::milliseconds grace, const service& offered, Before before, After after) {
    return run_in_fork([&] {
        stop_signal::install(grace);
        conversation one{offered};
        before(one);
        stop_signal::request();
        after(one, coarse_now());
    });
}

constexpr auto long_ago = [](conversation&) {};

} // namespace

TEST_CASE("after a stop: who is silent gets the end once it is certain that nothing is on its way") {
    CHECK(stop_between(1h, repeat, long_ago, [](conversation& one, auto now) {
              one.look(now);
              require(!one.over() && one.connection.stop_listening == 0, "something may be on its way");
              one.look(now + 2 * stop_signal::idle_after_stop);
              require(one.over() || one.connection.stop_listening == 1, "the end");
          }) == "exit 0");
}

TEST_CASE("after a stop: who has half of its answer gets the other half, however late") {
    const auto before = [](conversation& one) {
        one.connection.incoming = "hello";
        one.connection.room = 2;
        one.go_on_while_ready();
    };
    CHECK(stop_between(1h, repeat, before, [](conversation& one, auto now) {
              one.look(now + 30min);
              require(!one.over() && one.connection.sent == "he", "it waits for room");
              one.connection.room = 3;
              one.go_on_while_ready();
              require(one.connection.sent == "hello", "the other half");
          }) == "exit 0");
}

TEST_CASE("after a stop: who never reads is cut off when the grace is over") {
    const auto before = [](conversation& one) {
        one.connection.incoming = "hello";
        one.go_on_while_ready();
    };
    CHECK(stop_between(1h, repeat, before, [](conversation& one, auto now) {
              one.look(now + 59min);
              require(!one.over(), "within the grace");
          }) == "exit 0");
    CHECK(stop_between(0ms, repeat, before, [](conversation& one, auto now) {
              one.look(now);
              require(one.over() && !one.is_open(), "cut off");
              require(one.connection.sent.empty(), "nothing was sent");
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
    CHECK(stop_between(1h, pausing, long_ago, [](conversation& one, auto now) {
              require(one.waits == wants::timer, "it pauses");
              one.look(now + 30min);
              require(!one.over(), "within the grace");
              one.session->done();
              one.connection.room = 4;
              one.resume();
              require(one.connection.sent == "done", "its answer");
          }) == "exit 0");
    CHECK(stop_between(0ms, pausing, long_ago, [](conversation& one, auto now) {
              one.look(now);
              require(one.over(), "cut off");
          }) == "exit 0");
}

TEST_CASE("after a stop: who has been told goodbye is not waited for") {
    const service linger_time = [] { return [](int) -> session { co_return; }(0); };
    CHECK(stop_between(1h, linger_time, long_ago, [](conversation& one, auto now) {
              require(one.connection.stop_listening == 1, "our end");
              one.look(now);
              require(one.over(), "closed");
          }) == "exit 0");
}

TEST_CASE("without a stop: who completes no request for the idle time is let go, and no sooner") {
    conversation silent{repeat};
    const auto begin = coarse_now();
    silent.look(begin + 900ms, 1s);
    CHECK(!silent.over());
    silent.look(begin + 1100ms, 1s);
    CHECK(silent.connection.stop_listening + (silent.over() ? 1 : 0) > 0);
    silent.connection.peer_ended = true;
    silent.go_on_while_ready();
    CHECK(silent.over());
}

} // namespace parley
