// One client at a time: that each byte arrives once and in order, however TCP cuts the stream, and that the end
// of input is noticed.
#include "client/check/check_table.hpp"
#include "client/conversation/expected_response.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <string>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void replies(examination& examination) {
    auto client = examination.connect();
    if (examination.profile().takes_requests) {
        examination.exchange(client);
        return;
    }
    const auto greeting = examination.profile().greeting;
    if (greeting.empty())
        examination.expect(!client.receive_line().empty(), "the greeting is an empty line");
    else
        client.expect(greeting);
    client.expect_end();
}

void replies_again(examination& examination) {
    auto client = examination.connect();
    for (std::size_t number = 0; number != 20; ++number) examination.exchange(client, number);
}

void serves_the_next_client(examination& examination) {
    for (std::size_t number = 0; number != 5; ++number) {
        auto client = examination.connect();
        if (examination.profile().takes_requests)
            examination.exchange(client, number);
        else
            client.receive_all();
    }
}

void joins_pieces(examination& examination) {
    auto client = examination.connect();
    const auto request = examination.profile().request(0, 24);
    client.send_in_pieces(request, request.size() / 3);
    examination.expect_reply(client, request);
}

void splits_lines(examination& examination) {
    auto client = examination.connect();
    std::string all;
    std::vector<std::string> requests;
    for (std::size_t number = 0; number != 5; ++number)
        all += requests.emplace_back(examination.profile().request(number, 12));
    client.send(all);
    for (const auto& request : requests) examination.expect_reply(client, request);
}

void keeps_all_bytes(examination& examination) {
    auto client = examination.connect();
    std::string bytes;
    for (int value = 0; value != 256; ++value) bytes += static_cast<char>(value);
    client.send(bytes);
    client.expect(bytes);
}

void keeps_buffer_edges(examination& examination) {
    for (const std::size_t edge : {1024, 4096, 8192, 65536}) {
        for (const std::size_t size : {edge - 1, edge, edge + 1}) {
            // Of lines, 64 KiB are more than many right servers accept.
            if (examination.profile().by_lines && size > 4000) continue;
            auto client = examination.connect();
            examination.exchange(client, size, size);
            // Whatever follows the reply by mistake comes before the next one.
            examination.exchange(client, size + 1, 16);
        }
    }
}

/// The client sends its second request only when it has the reply to the first.
void replies_before_the_end(examination& examination) {
    auto client = examination.connect();
    examination.exchange(client, 0, 2000);
    examination.exchange(client, 1, 2000);
}

/// 4 MiB do not fit into the buffers of both sides. The client reads only once the server takes no more.
void survives_a_full_pipe(examination& examination) {
    auto client = examination.connect_only(4096);
    const auto request = examination.profile().request(0, 4 * 1024 * 1024);
    std::size_t sent = 0;
    std::size_t received = 0;
    while (received != request.size()) {
        if (sent != request.size())
            sent += client.send_some(std::string_view{request}.substr(sent), milliseconds{50});
        const auto bytes = client.receive_some(256 * 1024, examination.limit());
        if (!bytes)
            examination.fail(
                fmt::format("it stands still: {} bytes were sent, {} came back; neither side reads", sent,
                            received),
                "full-pipe");
        if (bytes->empty())
            examination.fail(fmt::format("the server closed after {} of {} bytes", received, request.size()),
                             "short-write");
        if (std::string_view{request}.substr(received, bytes->size()) != *bytes)
            examination.fail(
                fmt::format("byte {} to {} are not those that were sent", received, received + bytes->size()),
                "short-write");
        received += bytes->size();
    }
}

void notices_the_end(examination& examination) {
    auto client = examination.connect();
    const auto request = examination.profile().request(0, 64);
    client.send(request);
    client.shutdown_write();
    examination.expect_reply(client, request);
    client.expect_end();
}

/// After the end of input a server must sleep. If it spins, its CPU time grows as fast as the time.
void sleeps_after_the_end(examination& examination) {
    auto& server = examination.server();
    auto first = examination.connect();
    examination.exchange(first);
    first.shutdown_write();
    auto second = examination.connect();
    second.close();
    first.close();
    const auto begin = steady_clock::now();
    const auto before = server.cpu();
    examination.eventually([] { return false; }, milliseconds{400});
    const auto used = server.cpu() - before;
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
    examination.expect(used * 2 < time || !server.is_busy(),
                       fmt::format("no client is there, and the server used {} ms of CPU time in {} ms",
                                   used.count() / 1000, time.count() / 1000));
}

/// Nagle's algorithm and delayed acknowledgements cost 40 ms per reply that is sent in two parts. Judged as a
/// ratio: requests one by one, against the same requests sent together.
void replies_without_delay(examination& examination) {
    auto client = examination.connect();
    std::array<milliseconds, 9> times{};
    for (std::size_t number = 0; number != times.size(); ++number) {
        const auto begin = steady_clock::now();
        examination.exchange(client, number, 200);
        times[number] = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    }
    std::ranges::sort(times);
    const auto median = times[times.size() / 2];
    const auto shortest = times.front();
    // The timer of the delayed acknowledgement is 40 ms (TCP_DELACK_MIN), whatever the machine.
    if (median >= milliseconds{36} && median <= milliseconds{60} && shortest < milliseconds{60})
        examination.fail(
            fmt::format("a reply takes {} ms (median of {}): the time of a delayed acknowledgement",
                        median.count(), times.size()));
}

constexpr std::array<server_check, 12> conversation_table{{
    {"replies", "a client gets the right reply", level::quick, "wrong-reply", replies},
    {"next-client", "the next client is served when one has left", level::quick, "one-client-only",
     serves_the_next_client},
    {"replies-again", "20 requests of one client get 20 replies", level::quick, "one-request-only",
     replies_again, takes_requests},
    {"pieces", "a request that arrives in pieces is one request", level::quick, "split-request", joins_pieces,
     takes_requests},
    {"joined-lines", "five lines that arrive together get five replies, in order", level::quick, "joined-lines",
     splits_lines, takes_lines},
    {"all-bytes", "all 256 byte values come back, also NUL and 0xff", level::quick, "binary-data",
     keeps_all_bytes,
     [](const profile& profile, const server_promise&) { return profile.is_echo && !profile.by_lines; }},
    {"buffer-edges", "requests as large as usual buffers come back whole", level::quick, "buffer-edge",
     keeps_buffer_edges, echoes_any_size},
    {"early-reply", "the reply comes before the client's end of input", level::quick, "reads-to-the-end",
     replies_before_the_end, echoes_any_size},
    {"full-pipe", "4 MiB come back although the client reads late", level::quick, "short-write",
     survives_a_full_pipe,
     [](const profile& profile, const server_promise&) { return profile.is_echo && !profile.by_lines; }},
    {"half-close", "after the client's end of input the last reply comes, then the end", level::quick,
     "half-close", notices_the_end, takes_requests},
    {"sleeps-at-the-end", "the server sleeps when all clients have left", level::quick, "spins-at-the-end",
     sleeps_after_the_end, takes_requests, true},
    {"no-delay", "a reply does not wait for a delayed acknowledgement", level::quick, "nagle",
     replies_without_delay, takes_requests},
}};

} // namespace

std::span<const server_check> conversation_checks() { return conversation_table; }

} // namespace parley
