// Limits: few descriptors, full buffers, and requests without an end. A server must get through them, and
// serve again afterwards.
#include "client/check/check_table.hpp"
#include "client/check/client_group.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace parley {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t mebibyte = 1024 * 1024;

/// A request that arrives as a whole before the server reads the first byte: one event for all of it.
void drains_its_input(examination& examination) {
    auto client = examination.connect();
    examination.exchange(client);
    auto& server = examination.server();
    std::string requests;
    std::vector<std::string> parts;
    // Less than a receive buffer, whose half holds data (64 KiB by default; man 7 tcp, tcp_rmem).
    while (requests.size() < 40'000)
        requests += parts.emplace_back(examination.profile().request(parts.size(), 1000));
    server.suspend();
    client.send(requests);
    examination.step("all of it arrived while the server was stopped (SIGSTOP)");
    server.resume();
    for (const auto& part : parts) examination.expect_reply(client, part);
}

/// Starts the server with few descriptors, if it can.
examined_server& start_with_descriptors(examination& examination, int limit) {
    try {
        return examination.start({.descriptor_limit = limit});
    } catch (const check_ended&) {
        examination.skip(fmt::format("it does not start with {} descriptors", limit));
    }
}

/// Connects clients until `count` are there, or the backlog is full. Each waits some time for a reply, so that
/// the server can accept it: a client that finds the backlog full tries again only after a second.
std::vector<unique_fd> connect_one_by_one(examination& examination, std::size_t count) {
    std::vector<unique_fd> clients;
    while (clients.size() != count) {
        auto next = connect_silently(examination, 1);
        if (count_connected(next, milliseconds{1500}) == 0) break;
        const auto& client = clients.emplace_back(std::move(next.front()));
        if (examination.profile().takes_requests) {
            const auto request = examination.profile().request(clients.size(), 16);
            ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
        }
        pollfd reply{client.get(), POLLIN, 0};
        poll(&reply, 1, 20); // ms
    }
    return clients;
}

/// accept(2) fails with EMFILE, and the connection stays in the backlog: a loop that tries again at once spins.
void survives_without_descriptors(examination& examination) {
    constexpr int limit = 64;
    auto& server = start_with_descriptors(examination, limit);
    {
        const auto clients = connect_one_by_one(examination, 100);
        examination.step(
            fmt::format("{} clients are connected; the server may have {} descriptors", clients.size(), limit));
        const auto before = server.cpu();
        const auto begin = steady_clock::now();
        int samples = 0, busy_samples = 0;
        examination.eventually(
            [&] {
                ++samples;
                busy_samples += server.is_busy() ? 1 : 0;
                return false;
            },
            milliseconds{600});
        const auto time = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
        // On a busy machine a loop that spins gets a part of a CPU only, but it wants one all the time.
        if (const auto used = server.cpu() - before; used * 10 > time && busy_samples * 10 > samples * 9)
            examination.fail(
                fmt::format("it uses {} ms of CPU time in {} ms, and {} times of {} it wants a CPU, "
                            "while no client does anything",
                            used.count() / 1000, time.count() / 1000, busy_samples, samples));
    }
    examination.step("these clients have left");
    auto next = examination.connect();
    if (examination.profile().takes_requests)
        examination.exchange(next);
    else
        next.receive_all();
}

/// Sends until the server takes no more, or `size` bytes are sent. Fails if its memory grows with them.
void expect_bounded_memory(examination& examination, const std::string& part, std::size_t size,
                           const char* hint) {
    auto client = examination.connect_only(4096);
    const auto before = examination.server().memory_kib();
    std::size_t sent = 0;
    const auto deadline = steady_clock::now() + seconds{4};
    while (sent < size && steady_clock::now() < deadline) {
        const auto taken = client.send_some(part, milliseconds{300});
        sent += taken;
        if (taken != part.size()) break;
    }
    // What the client has sent may still be in the kernel: up to some megabytes on each side.
    const auto grown =
        static_cast<std::size_t>(std::max(0L, examination.server().memory_kib() - before)) * 1024;
    examination.step(
        fmt::format("sent {} MiB; the server's memory grew by {} MiB", sent / mebibyte, grown / mebibyte));
    examination.expect(grown < 16 * mebibyte || grown * 2 < sent,
                       fmt::format("its memory grew by {} MiB for one client that sent {} MiB",
                                   grown / mebibyte, sent / mebibyte),
                       hint);
    client.reset();
    auto next = examination.connect();
    examination.exchange(next);
}

void bounds_its_output(examination& examination) {
    std::string requests;
    while (requests.size() < mebibyte) requests += examination.profile().request(requests.size(), 1000);
    expect_bounded_memory(examination, requests, 64 * mebibyte, "unbounded-output");
}

void bounds_a_line(examination& examination) {
    expect_bounded_memory(examination, std::string(mebibyte, 'x'), 64 * mebibyte, "unbounded-line");
}

constexpr std::array<server_check, 4> limits_table{{
    {"drains-input", "a request that arrives at once is read to its end", level::quick, "edge-triggered",
     drains_its_input, echoes_any_size, true},
    {"few-descriptors", "the server survives a lack of descriptors, without spinning", level::normal,
     "no-descriptors", survives_without_descriptors, nullptr, true},
    {"bounded-output", "a client that does not read does not fill the server's memory", level::normal,
     "unbounded-output", bounds_its_output,
     [](const profile& profile, const server_promise&) { return profile.is_echo; }, true},
    {"bounded-line", "a line without an end does not fill the server's memory", level::full, "unbounded-line",
     bounds_a_line, takes_lines, true},
}};

} // namespace

std::span<const server_check> limits_checks() { return limits_table; }

} // namespace parley
