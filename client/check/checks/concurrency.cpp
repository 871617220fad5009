// Several clients at the same time: that none waits for another one, and that each gets its own bytes. What
// depends on the moment is tried many times, and a check that passes says how sure that makes it.
#include "client/check/check_table.hpp"
#include "client/check/client_group.hpp"
#include "client/conversation/connect.hpp"
#include "common/process/descriptor_limit.hpp"
#include "common/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <string>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Connects clients in one order and asks them in the other. A server that serves the first one to its end
/// never replies to the last one.
void serves_in_any_order(examination& examination) {
    std::vector<probe> clients;
    const auto count = std::max(2, std::min(3, examination.promise().capacity.clients));
    for (int i = 0; i != count; ++i) clients.push_back(examination.connect());
    examination.step(fmt::format("{} clients are connected; the last one sends first", count));
    for (auto client = clients.rbegin(); client != clients.rend(); ++client)
        examination.exchange(*client, static_cast<std::size_t>(client - clients.rbegin()));
}

/// Runs a part of a check. Wrong bytes in it mean that clients share what each should have for itself; silence
/// means what the check looks for.
template <class Part>
void with_own_bytes(Part part) {
    try {
        part();
    } catch (const check_ended& ended) {
        if (ended.is != verdict::failed || ended.is_late || !ended.hint.empty()) throw;
        throw check_ended{verdict::failed, ended.text, "crossed-bytes"};
    }
}

/// Half a line arrives, and the rest only after others have been served.
void serves_next_to_half_a_request(examination& examination) {
    examination.clients_at_once(2);
    auto slow = examination.connect();
    const auto request = examination.profile().request(0, 30);
    slow.send(std::string_view{request}.substr(0, 12));
    auto other = examination.connect();
    examination.step("one client has sent half a line; another client asks");
    with_own_bytes([&] {
        for (std::size_t number = 1; number != 4; ++number) examination.exchange(other, number);
        slow.send(std::string_view{request}.substr(12));
        examination.expect_reply(slow, request);
    });
}

/// One client sends until the server takes no more, and reads nothing.
void serves_next_to_a_slow_reader(examination& examination) {
    examination.clients_at_once(2);
    auto slow = examination.connect_only(4096);
    std::string requests;
    while (requests.size() < 1024 * 1024) requests += examination.profile().request(requests.size(), 1000);
    // The kernel's buffers of both sides hold some megabytes.
    for (int i = 0; i != 16; ++i)
        if (slow.send_some(requests, milliseconds{300}) != requests.size()) break;
    auto other = examination.connect();
    examination.step("one client does not read its replies; another client asks");
    for (std::size_t number = 0; number != 3; ++number) examination.exchange(other, number);
}

/// The server is stopped while clients connect and send, so that all arrive in the same moment.
void serves_all_of_a_burst(examination& examination) {
    const auto clients = examination.clients_at_once(5); // a backlog of 5 is usual
    const auto bursts = 3 * examination.promise().effort;
    for (int burst = 0; burst != bursts; ++burst)
        run_group(examination, {.clients = clients, .requests = clients, .begins_suspended = true});
    examination.remark(fmt::format("{} times {} clients", bursts, clients));
}

/// Returns how long a fault that depends on the moment is looked for: 0.9 s, 1.5 s or 4.7 s, by the level.
milliseconds time_of_tries(const examination& examination) {
    return milliseconds{700} + milliseconds{200} * examination.promise().effort;
}

/// Runs clients at once for some time, and says how many replies were right.
void run_for_some_time(examination& examination, group_plan plan) {
    plan.clients = examination.clients_at_once(plan.clients);
    plan.time = time_of_tries(examination);
    const auto result = run_group(examination, plan);
    examination.remark(fmt::format("{} replies to {} clients over {} connections", result.replies, plan.clients,
                                   result.connections));
}

/// Large replies, or many: the longer a buffer is in use, the sooner another thread overwrites it.
void keeps_bytes_apart(examination& examination) {
    const bool is_echo = examination.profile().is_echo;
    run_for_some_time(examination, {.requests = 1'000'000,
                                    .batch = is_echo ? 20U : 50U,
                                    .size = is_echo ? 3000U : 16U,
                                    .pause = milliseconds{is_echo ? 1 : 5}});
}

void keeps_connections_apart(examination& examination) {
    run_for_some_time(examination, {.requests = 20'000, .size = 200, .per_connection = 1});
}

/// Two clients send parts of their lines by turns. A buffer that all connections share mixes them.
void keeps_parts_apart(examination& examination) {
    examination.clients_at_once(2);
    auto first = examination.connect();
    auto second = examination.connect();
    const auto one = examination.profile().request(1, 30);
    const auto two = examination.profile().request(2, 30);
    const auto half = one.size() / 2;
    first.send(std::string_view{one}.substr(0, half));
    second.send(std::string_view{two}.substr(0, half));
    examination.eventually([] { return false; }, milliseconds{20}); // most servers have read them now
    examination.step("two clients have sent half a line each; now come the other halves");
    first.send(std::string_view{one}.substr(half));
    examination.expect_reply(first, one);
    second.send(std::string_view{two}.substr(half));
    examination.expect_reply(second, two);
}

void keeps_the_order(examination& examination) {
    const auto clients = examination.clients_at_once(5);
    const auto requests = 2000 * static_cast<std::size_t>(examination.promise().effort);
    const auto result = run_group(
        examination, {.clients = clients, .requests = requests, .batch = 50, .size = 40, .time = seconds{2}});
    examination.remark(fmt::format("{} replies, 50 requests at a time", result.replies));
}

/// Each client sends many lines at once, so that threads meet at the counter and not in system calls. They meet
/// seldom: a counter without a lock loses about one increment in some thousand.
void counts_every_request(examination& examination) {
    const auto clients = examination.clients_at_once(20);
    const auto effort = static_cast<std::size_t>(examination.promise().effort);
    auto result = run_group(examination, {.clients = clients,
                                          .requests = 200'000 * effort,
                                          .batch = 200,
                                          .size = 8,
                                          .time = 2 * time_of_tries(examination),
                                          .pause = milliseconds{10}});
    auto& numbers = result.numbers;
    std::ranges::sort(numbers);
    const auto doubled = std::ranges::unique(numbers);
    const auto twice = doubled.size();
    numbers.erase(doubled.begin(), doubled.end());
    const auto requests = numbers.size() + twice;
    const auto missing = numbers.back() - numbers.front() + 1 - numbers.size();
    if (twice != 0 || missing != 0)
        examination.fail(
            fmt::format("{} clients sent {} requests: {} numbers came twice, {} are missing between "
                        "the first and the last; so about one in {} increments was lost",
                        clients, requests, twice, missing, requests / std::max<std::size_t>(twice, 1)));
    // None in n requests: with 95 % the rate is below 3/n (the rule of three).
    examination.remark(
        fmt::format("{} requests of {} clients, each number once: with 95 % certainty fewer than one "
                    "in {} is lost",
                    requests, clients, requests / 3));
}

/// What --model and --pool-size promise.
void serves_as_many_as_promised(examination& examination) {
    const auto& promise = examination.promise();
    const auto promised = static_cast<std::size_t>(promise.pool_size.value_or(server_capacity::clients_tried));
    std::vector<unique_fd> clients;
    const auto served = count_served(examination, promised + (promise.pool_size ? 4 : 0), clients);
    examination.step(
        fmt::format("{} clients are connected and have asked; {} got a reply", clients.size(), served));
    examination.expect(served >= promised,
                       fmt::format("it serves {} clients at a time, {} were promised", served, promised));
    examination.expect(
        served == promised || !promise.pool_size,
        fmt::format("it serves {} clients at a time, although the pool has {}", served, promised));
    clients.clear();
    auto next = examination.connect();
    examination.exchange(next);
}

/// Idle clients take all places of the pool. After its idle time the next one must be served.
void closes_idle_clients(examination& examination) {
    const auto& promise = examination.promise();
    if (!promise.idle_seconds) examination.skip("no idle time is promised: --idle-time SECONDS");
    const auto places = static_cast<std::size_t>(promise.pool_size.value_or(promise.capacity.clients));
    std::vector<probe> idle;
    for (std::size_t i = 0; i != places; ++i) idle.push_back(examination.connect());
    auto next = examination.connect_only();
    const auto request = examination.profile().request(0, 30);
    next.send(request);
    examination.step(fmt::format("{} clients are silent; another one waits for its reply", places));
    const milliseconds limit = seconds{*promise.idle_seconds} + examination.limit();
    if (!examination.eventually([&] { return next.has_input(); }, limit))
        examination.fail_late(
            fmt::format("{} silent clients keep all places for more than {} ms", places, limit.count()));
    examination.expect_reply(next, request);
}

/// The kernel completes connections for a server that is stopped, until the backlog is full.
void has_a_backlog(examination& examination) {
    constexpr std::size_t wanted = 4;
    auto& server = examination.server();
    server.suspend();
    const auto clients = connect_silently(examination, 16);
    const auto connected = count_connected(clients, milliseconds{300});
    examination.step(fmt::format("{} clients connect while the server is stopped (SIGSTOP): {} are connected",
                                 clients.size(), connected));
    server.resume();
    examination.expect(
        connected >= wanted,
        fmt::format("only {} of {} clients could connect before the server accepted one; the others "
                    "have to try again after a second",
                    connected, clients.size()));
}

/// A descriptor above 1,023 does not fit into an fd_set: FD_SET() writes behind its end.
void serves_beyond_1024_descriptors(examination& examination) {
    constexpr std::size_t count = 1100;
    const auto& capacity = examination.promise().capacity;
    if (capacity.processes_per_client > 0)
        examination.skip("each client has a process: no process has many descriptors");
    if (capacity.clients < server_capacity::clients_tried) examination.skip("it serves few clients at a time");
    const auto limit = raise_descriptor_limit(4096);
    if (limit < 2048) examination.skip(fmt::format("the limit of descriptors is {}: ulimit -n", limit));
    examination.start({.descriptor_limit = static_cast<int>(limit)});
    const auto result = run_group(examination, {.clients = count, .requests = count, .may_be_refused = true});
    auto next = examination.connect();
    if (result.refused > 0)
        examination.skip(fmt::format("the server closed {} of {} connections", result.refused, count));
    examination.exchange(next);
}

bool can_connect(const address& address) {
    try {
        connect_to(std::span{&address, 1}, seconds{1});
        return true;
    } catch (const std::exception&) { // refused
        return false;
    }
}

bool has_ipv6_loopback() {
    return read_file("/proc/net/if_inet6").find("00000000000000000000000000000001") != std::string::npos;
}

/// If the command has {host}, the server must listen there and only there.
void listens_at_its_host(examination& examination) {
    const auto& command = examination.promise().command;
    if (std::ranges::none_of(command, [](const auto& word) { return word.find("{host}") != word.npos; }))
        examination.skip("the command has no {host}");
    for (const auto* host : {"127.0.0.2", "::1"}) {
        if (host[0] == ':' && !has_ipv6_loopback()) continue;
        examination.start({.host = host});
        auto client = examination.connect();
        examination.exchange(client);
        const auto other = fmt::format("127.0.0.1:{}", examination.server().port());
        examination.expect(!can_connect(address::resolve(other).front()),
                           fmt::format("told to listen at {}, it listens at 127.0.0.1, too", host));
        examination.end_server();
    }
}

bool serves_many_lines(const profile& profile, const server_promise& promise) {
    return profile.by_lines && promise.serves_many();
}

bool names_its_clients(const profile& profile, const server_promise& promise) {
    return profile.takes_requests && profile.is_any_size && promise.serves_many();
}

bool promises_a_capacity(const profile& profile, const server_promise& promise) {
    return profile.takes_requests && (promise.pool_size || promise.model == "fork" ||
                                      promise.model == "thread" || promise.model == "event");
}

constexpr auto concurrency_table = std::to_array<server_check>({
    {"any-order", "clients are served in any order, not one after the other", level::quick, "one-at-a-time",
     serves_in_any_order, serves_many},
    {"own-parts", "the parts of two clients' lines are not mixed", level::quick, "crossed-bytes",
     keeps_parts_apart, serves_many_lines},
    {"half-request", "a client in the middle of its request does not stop the others", level::quick,
     "slow-client-stops", serves_next_to_half_a_request, serves_many_lines},
    {"slow-reader", "a client that does not read does not stop the others", level::quick, "slow-client-stops",
     serves_next_to_a_slow_reader, serves_many},
    {"burst", "clients that connect at the same moment are all served", level::quick, "burst",
     serves_all_of_a_burst, names_its_clients},
    {"own-bytes", "20 clients at once get their own bytes", level::quick, "crossed-bytes", keeps_bytes_apart,
     names_its_clients, false, 60},
    {"own-connection", "clients that come and go keep their own connections", level::quick, "lost-client",
     keeps_connections_apart, names_its_clients, false, 60},
    {"reply-order", "replies come in the order of the requests", level::quick, "reply-order", keeps_the_order,
     names_its_clients},
    {"counts-all", "no increment of the counter is lost or doubled", level::quick, "lost-update",
     counts_every_request,
     [](const profile& profile, const server_promise& promise) {
         return profile.is_counter && promise.serves_many();
     },
     false, 60},
    {"promised-clients", "the server serves as many clients at a time as it promises", level::quick,
     "pool-size", serves_as_many_as_promised, promises_a_capacity},
    {"host", "the server listens at the address that it is told", level::quick, "ignores-host",
     listens_at_its_host, nullptr, true},
    {"idle-clients", "idle clients do not keep all places of a pool", level::normal, "idle-clients",
     closes_idle_clients, serves_many, false, 120},
    {"backlog", "clients can connect before the server accepts them", level::normal, "short-backlog",
     has_a_backlog, nullptr, true},
    {"many-descriptors", "1,100 clients are served at a time", level::full, "select",
     serves_beyond_1024_descriptors, serves_many, true, 60},
});

} // namespace

std::span<const server_check> concurrency_checks() { return concurrency_table; }

} // namespace parley
