// Measures the CPU time of the session machinery without system calls: one read and one reply of an echo,
// without a socket.
#include "common/session/session.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace {

parley::session echo() {
    while (const auto bytes = co_await parley::read_some()) co_await parley::reply(*bytes);
}

double nanoseconds_per_request(int requests) {
    const std::array<char, 64> request{};
    auto session = echo();
    session.next();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < requests; ++i) {
        session.feed({request.data(), request.size()});
        session.next(); // the reply
        session.next(); // the next need for input
    }
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    return time.count() / requests;
}

} // namespace

int main() {
    constexpr int rounds = 7, requests = 5'000'000;
    std::array<double, rounds> times{};
    for (auto& time : times) time = nanoseconds_per_request(requests);
    std::sort(times.begin(), times.end());
    std::printf("session machinery: %.1f ns per request (median of %d, from %.1f to %.1f)\n", times[rounds / 2],
                rounds, times.front(), times.back());
}
