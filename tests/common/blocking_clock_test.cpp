// How long a blocking driver bears with a slow peer, by a clock and a socket that only the test advances.
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

std::atomic<long> passed{0}; // ms, beside those that pass by themselves
long next_drip = drip_interval;

void pass_until(long moment) {
    if (passed < moment) passed = moment;
}

} // namespace

// They stand before those of libc. From this program's only socket comes a byte now and then, and into it goes
// one.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const auto result = syscall(SYS_clock_gettime, clock, time);
    time->tv_nsec += passed % 1000 * 1'000'000;
    time->tv_sec += passed / 1000 + time->tv_nsec / 1'000'000'000;
    time->tv_nsec %= 1'000'000'000;
    return static_cast<int>(result);
}
extern "C" int poll(pollfd* sockets, nfds_t, int limit) {
    const bool is_there = next_drip <= passed + limit;
    pass_until(is_there ? next_drip : passed + limit);
    sockets->revents = is_there ? sockets->events : short{0};
    return is_there;
}
extern "C" ssize_t recv(int, void* into, std::size_t, int) {
    pass_until(next_drip);
    next_drip += drip_interval;
    *static_cast<char*>(into) = 'x';
    return 1;
}
extern "C" ssize_t send(int, const void*, std::size_t, int) {
    pass_until(next_drip);
    next_drip += drip_interval;
    return 1;
}

namespace parley {

namespace {

/// The milliseconds that it takes `talk` to come to its end if the idle time-out is a second.
long time_of(session session) {
    auto ends = make_socket_pair(0);
    scoreboard board{1};
    worker self{board, 1};
    const long begin = passed;
    next_drip = begin + drip_interval;
    drive_blocking(session, ends.ours, self, 1s);
    return passed - begin;
}

session take_lines() {
    for (auto line = co_await read_line(); line; line = co_await read_line()) {
    }
}

session say_much() {
    const std::string much(1000, 'x');
    co_await reply(much);
    co_await read_some();
}

} // namespace

TEST_CASE("a peer that drips a request byte by byte is let go at the idle time-out, as a silent one is") {
    const auto time = time_of(take_lines());
    CHECK(time >= 900);
    CHECK(time < 1100);
}

TEST_CASE("a peer that reads its reply byte by byte is let go at the idle time-out") {
    CHECK(time_of(say_much()) < 3000);
}

} // namespace parley
