// Tests of the blocking driver's timeouts: how long it tolerates a slow peer. Only the test advances the
// clock and the socket.
#include "common/session/blocking_driver.hpp"
#include "tests/support/socket_pair.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

constexpr long drip_interval = 900; // ms

std::atomic<long> passed{0}; // ms in addition to the time that really passes
long next_drip = drip_interval;

void pass_until(long moment) {
    if (passed < moment) passed = moment;
}

} // namespace

// These replace the functions of libc. The only socket of this program receives one byte every
// `drip_interval`, and accepts one byte in the same interval.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const auto result = syscall(SYS_clock_gettime, clock, time);
    time->tv_nsec += passed % 1000 * 1'000'000;
    time->tv_sec += passed / 1000 + time->tv_nsec / 1'000'000'000;
    time->tv_nsec %= 1'000'000'000;
    return static_cast<int>(result);
}
extern "C" int poll(pollfd* sockets, nfds_t, int limit) {
    const bool is_ready = next_drip <= passed + limit;
    pass_until(is_ready ? next_drip : passed + limit);
    sockets->revents = is_ready ? sockets->events : short{0};
    return is_ready;
}
extern "C" ssize_t recv(int, void* buffer, std::size_t, int) {
    pass_until(next_drip);
    next_drip += drip_interval;
    *static_cast<char*>(buffer) = 'x';
    return 1;
}
extern "C" ssize_t send(int, const void*, std::size_t, int) {
    pass_until(next_drip);
    next_drip += drip_interval;
    return 1;
}

namespace parley {

namespace {

/// Returns the milliseconds until `session` ends with an idle timeout of one second.
long time_of(session session) {
    auto ends = make_socket_pair(0);
    scoreboard board{1};
    worker self{board, 1};
    const long begin = passed;
    next_drip = begin + drip_interval;
    drive_blocking(session, ends.local, self, 1s);
    return passed - begin;
}

session take_lines() {
    for (auto line = co_await read_line(); line; line = co_await read_line()) {
    }
}

session reply_much() {
    const std::string long_reply(1000, 'x');
    co_await reply(long_reply);
    co_await read_some();
}

} // namespace

TEST_CASE("a peer that drips a request byte by byte is let go at the idle time-out, as a silent one is") {
    const auto time = time_of(take_lines());
    CHECK(time >= 900);
    CHECK(time < 1100);
}

TEST_CASE("a peer that reads its reply byte by byte is let go at the idle time-out") {
    CHECK(time_of(reply_much()) < 3000);
}

} // namespace parley
