#include "client/check/client_group.hpp"

#include "client/conversation/expected_response.hpp"
#include "common/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

unique_fd begin_connection(examination& examination) {
    const auto& address = examination.server().endpoint();
    unique_fd socket{check(
        "socket", [&] { return ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); })};
    if (connect(socket.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS)
        examination.fail(fmt::format("connect: {}", std::strerror(errno)));
    return socket;
}

/// Waits for events of several sockets.
std::vector<pollfd> poll_all(std::vector<pollfd> entries, milliseconds limit) {
    check("poll", [&] { return poll(entries.data(), entries.size(), static_cast<int>(limit.count())); });
    return entries;
}

struct group_client {
    std::size_t number = 0;
    unique_fd socket{};
    std::string batch{};                // all that was sent last
    std::string unsent{};               // its end that the server has not taken
    std::deque<std::string> requests{}; // without a reply yet
    std::string received{};             // of the first of them
    std::size_t batches = 0;            // on this connection
    std::size_t count = 0;              // requests in all
    bool is_new = false;                // no byte has come on this connection
    bool is_refused = false;

    [[nodiscard]] bool is_waiting() const { return !requests.empty(); }
};

class client_group {
public:
    client_group(examination& examination, const group_plan& plan)
        : examination_{examination}, plan_{plan}, random_{examination.promise().seed}, clients_(plan.clients) {}

    group_result run();

private:
    void connect(group_client& client);
    void begin_requests();
    void begin_batch(group_client& client);
    void send(group_client& client);
    void receive(group_client& client);
    void take_replies(group_client& client);
    [[noreturn]] void fail_with_bytes(const group_client& client, std::string_view came);
    void lose(group_client& client, const char* how);
    [[nodiscard]] const group_client* owner_of(const group_client& reader, std::string_view bytes) const;
    [[nodiscard]] bool is_over() const;
    bool advance();
    void fail_if_silent();

    examination& examination_;
    const group_plan& plan_;
    std::mt19937_64 random_;
    std::vector<group_client> clients_;
    group_result result_;
    std::size_t requests_ = 0;
    steady_clock::time_point begin_ = steady_clock::now();
    steady_clock::time_point last_reply_ = begin_;
};

group_result client_group::run() {
    auto& server = examination_.server();
    const bool is_suspended = plan_.begins_suspended && server.is_ours();
    if (server.is_ours()) server.raise_priority();
    if (is_suspended) server.suspend();
    std::size_t number = 0;
    for (auto& client : clients_) client.number = ++number;
    if (is_suspended) {
        for (auto& client : clients_) {
            connect(client);
            begin_batch(client);
        }
        advance();
        server.resume();
        examination_.step(
            fmt::format("{} clients connected and sent while the server was stopped (SIGSTOP)", plan_.clients));
    }
    while (advance()) fail_if_silent();
    examination_.step(fmt::format("{} clients got {} replies over {} connections", plan_.clients,
                                  result_.replies, result_.connections));
    return std::move(result_);
}

void client_group::connect(group_client& client) {
    client.socket = begin_connection(examination_);
    client.batches = 0;
    client.is_new = true;
    client.received.clear();
    ++result_.connections;
}

bool client_group::is_over() const {
    const bool all_have_come = result_.connections >= plan_.clients;
    return all_have_come && (requests_ >= plan_.requests ||
                             (plan_.time.count() > 0 && steady_clock::now() - begin_ > plan_.time));
}

/// Connects clients and lets them send, if they do not wait for a reply.
void client_group::begin_requests() {
    // At most two wait to be accepted: a backlog of one, the shortest, has room for them. The kernel may reset
    // connections that do not fit.
    constexpr std::size_t most_new = 2;
    auto new_clients = static_cast<std::size_t>(std::ranges::count_if(
        clients_, [](const auto& client) { return client.is_new && client.is_waiting(); }));
    for (auto& client : clients_) {
        if (client.is_waiting() || client.is_refused || is_over()) continue;
        const bool is_used_up = plan_.per_connection > 0 && client.batches == plan_.per_connection;
        if (!client.socket || is_used_up) {
            if (new_clients == most_new) continue;
            connect(client);
            ++new_clients;
        }
        begin_batch(client);
    }
}

void client_group::begin_batch(group_client& client) {
    ++client.batches;
    client.batch.clear();
    const auto& profile = examination_.profile();
    for (std::size_t i = 0; i != plan_.batch; ++i) {
        // Eight bytes and more, so that they name their client.
        auto size = std::uniform_int_distribution<std::size_t>{8, std::max<std::size_t>(8, plan_.size)};
        client.requests.push_back(profile.request(client.number * 1'000'000 + client.count++, size(random_)));
        client.batch += client.requests.back();
    }
    client.unsent = client.batch;
    requests_ += plan_.batch;
}

void client_group::send(group_client& client) {
    const auto count = ::send(client.socket.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (count > 0)
        client.unsent.erase(0, static_cast<std::size_t>(count));
    else if (errno != EAGAIN && errno != EINTR)
        lose(client, std::strerror(errno));
}

void client_group::receive(group_client& client) {
    std::array<char, 64 * 1024> buffer;
    const auto count = ::recv(client.socket.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
        client.is_new = false;
        client.received.append(buffer.data(), static_cast<std::size_t>(count));
        last_reply_ = steady_clock::now();
        take_replies(client);
    } else if (count == 0) {
        lose(client, "the end of input came");
    } else if (errno != EAGAIN && errno != EINTR) {
        lose(client, std::strerror(errno));
    }
}

void client_group::take_replies(group_client& client) {
    const auto& profile = examination_.profile();
    while (!client.received.empty()) {
        if (!client.is_waiting()) fail_with_bytes(client, client.received);
        const auto& request = client.requests.front();
        auto size = client.received.find('\n') + 1;
        if (const auto reply = profile.reply(request); !reply.empty()) {
            size = reply.size();
            const auto part = std::string_view{client.received}.substr(0, size);
            const auto differs = std::mismatch(part.begin(), part.end(), reply.begin()).first;
            if (differs != part.end())
                fail_with_bytes(client, std::string_view{client.received}.substr(
                                            static_cast<std::size_t>(differs - part.begin())));
            if (part.size() < size) return;
        } else {
            if (size == 0) return; // no whole line yet
            const auto line = client.received.substr(0, size - 1);
            if (!profile.is_reply(request, line)) fail_with_bytes(client, line);
            if (profile.is_counter) {
                unsigned long number = 0;
                std::from_chars(line.data(), line.data() + line.size(), number);
                result_.numbers.push_back(number);
            }
        }
        client.received.erase(0, size);
        client.requests.pop_front();
        ++result_.replies;
    }
}

const group_client* client_group::owner_of(const group_client& reader, std::string_view bytes) const {
    constexpr std::size_t enough = 5; // random bytes of this length are not equal by chance
    const auto part = bytes.substr(0, 16);
    for (auto length = part.size(); length >= enough; --length)
        for (const auto& client : clients_)
            if (&client != &reader && client.batch.find(part.substr(0, length)) != std::string::npos)
                return &client;
    return nullptr;
}

void client_group::fail_with_bytes(const group_client& client, std::string_view came) {
    const auto shown = in_quotes(came.substr(0, 40));
    const auto expected = client.is_waiting() ? in_quotes(client.requests.front().substr(0, 40)) : "nothing";
    if (const auto* owner = owner_of(client, came))
        examination_.fail(fmt::format("client {} of {} sent {} and received {}: these are bytes of client {} "
                                      "(after {} replies)",
                                      client.number, plan_.clients, expected, shown, owner->number,
                                      result_.replies),
                          "crossed-bytes");
    examination_.fail(fmt::format("client {} of {} sent {} and received {} instead (after {} replies)",
                                  client.number, plan_.clients, expected, shown, result_.replies),
                      client.batch.find(came.substr(0, 16)) != std::string::npos && plan_.batch > 1
                          ? "reply-order"
                          : "crossed-bytes");
}

void client_group::lose(group_client& client, const char* how) {
    if (plan_.may_be_refused && client.count <= plan_.batch) {
        client.requests.clear();
        client.unsent.clear();
        client.is_refused = true;
        ++result_.refused;
        return;
    }
    examination_.fail(
        fmt::format("client {} of {} lost its connection while it waited for a reply: {} (after {} "
                    "replies to all clients)",
                    client.number, plan_.clients, how, result_.replies),
        "lost-client");
}

/// Sends and receives what is possible now. Returns false when no client waits for a reply, and no request is
/// left to be sent.
bool client_group::advance() {
    begin_requests();
    std::vector<pollfd> entries;
    std::vector<group_client*> waiting;
    for (auto& client : clients_) {
        if (!client.is_waiting()) continue;
        entries.push_back(
            {client.socket.get(), static_cast<short>(client.unsent.empty() ? POLLIN : POLLIN | POLLOUT), 0});
        waiting.push_back(&client);
    }
    if (entries.empty()) return false;
    if (plan_.pause.count() > 0) poll(nullptr, 0, static_cast<int>(plan_.pause.count()));
    entries = poll_all(std::move(entries), milliseconds{50});
    for (std::size_t i = 0; i != entries.size(); ++i) {
        if (entries[i].revents & POLLOUT) send(*waiting[i]);
        if (!waiting[i]->is_refused && entries[i].revents & (POLLIN | POLLHUP | POLLERR)) receive(*waiting[i]);
    }
    return true;
}

void client_group::fail_if_silent() {
    examination_.end_if_late();
    auto& server = examination_.server();
    const bool is_busy = server.is_ours() && server.is_running() &&
                         steady_clock::now() - last_reply_ > examination_.limit() && server.is_busy();
    if (steady_clock::now() - last_reply_ < examination_.limit() * (is_busy ? 4 : 1)) return;
    std::string numbers;
    std::size_t count = 0;
    for (const auto& client : clients_) {
        if (!client.is_waiting()) continue;
        if (++count <= 5) numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", client.number);
    }
    examination_.fail_late(
        fmt::format("{} of {} clients wait for a reply for {} s (client {}{}), and the server {}", count,
                    plan_.clients, examination_.limit().count() / 1000, numbers, count > 5 ? " ..." : "",
                    is_busy ? "computes all the time" : "sleeps"),
        "silent-client");
}

} // namespace

group_result run_group(examination& examination, const group_plan& plan) {
    return client_group{examination, plan}.run();
}

std::vector<unique_fd> connect_silently(examination& examination, std::size_t count) {
    std::vector<unique_fd> sockets;
    while (sockets.size() != count) sockets.push_back(begin_connection(examination));
    return sockets;
}

std::size_t count_connected(const std::vector<unique_fd>& sockets, milliseconds time) {
    const auto deadline = steady_clock::now() + time;
    for (;;) {
        std::vector<pollfd> entries;
        for (const auto& socket : sockets) entries.push_back({socket.get(), POLLOUT, 0});
        entries = poll_all(std::move(entries), milliseconds{0});
        const auto count = static_cast<std::size_t>(
            std::ranges::count_if(entries, [](const pollfd& entry) { return (entry.revents & POLLOUT) != 0; }));
        if (count == sockets.size() || steady_clock::now() > deadline) return count;
        poll(nullptr, 0, 5);
    }
}

std::size_t count_served(examination& examination, std::size_t count, std::vector<unique_fd>& clients) {
    for (std::size_t i = 0; i != count; ++i) {
        clients.push_back(std::move(connect_silently(examination, 1).front()));
        const auto request = examination.profile().request(i, 16);
        ::send(clients[i].get(), request.data(), request.size(), MSG_NOSIGNAL);
        // All at once would be another check: a server can lose clients of a burst.
        poll_all({{clients[i].get(), POLLIN, 0}}, milliseconds{20});
    }
    std::vector<bool> has_reply(count);
    std::vector<bool> has_ended(count);
    auto last = steady_clock::now();
    for (;;) {
        std::vector<pollfd> entries;
        for (std::size_t i = 0; i != count; ++i)
            entries.push_back({has_reply[i] || has_ended[i] ? -1 : clients[i].get(), POLLIN, 0});
        entries = poll_all(std::move(entries), milliseconds{20});
        for (std::size_t i = 0; i != count; ++i) {
            char byte = 0;
            if (entries[i].revents == 0) continue;
            has_reply[i] = ::recv(clients[i].get(), &byte, 1, MSG_PEEK) > 0;
            has_ended[i] = !has_reply[i];
            if (has_reply[i]) last = steady_clock::now();
        }
        const auto served = static_cast<std::size_t>(std::ranges::count(has_reply, true));
        auto& server = examination.server();
        const auto quiet = steady_clock::now() - last;
        if (served == count || quiet > examination.limit() ||
            (quiet > milliseconds{500} && !(server.is_ours() && server.is_busy())))
            return served;
    }
}

} // namespace parley
