// What the session machinery costs beside the system calls: one read and one reply of an echo, without a
// socket.
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
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return took.count() / requests;
}

} // namespace

int main() {
    constexpr int rounds = 7, requests = 5'000'000;
    std::array<double, rounds> each{};
    for (auto& one : each) one = nanoseconds_per_request(requests);
    std::sort(each.begin(), each.end());
    std::printf("session machinery: %.1f ns per request (median of %d, from %.1f to %.1f)\n", each[rounds / 2],
                rounds, each.front(), each.back());
}
