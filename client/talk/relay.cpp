// Two ways to wait for one connection: relay() copies in both directions, ask_once() carries a
// client_connection.
#include "client/talk/relay.hpp"

#include "client/conversation/client_connection.hpp"
#include "client/conversation/poll_until.hpp"
#include "common/check.hpp"

#include <array>
#include <climits>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>

namespace parley {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Bytes under way in one direction; no more are taken before these are gone, so memory stays bounded.
class direction {
public:
    [[nodiscard]] bool is_empty() const { return left_.empty(); }
    [[nodiscard]] std::span<char> room() { return memory_; }
    void filled(std::size_t size) { left_ = {memory_.data(), size}; }
    [[nodiscard]] std::string_view bytes() const { return left_; }
    void gone(std::size_t size) { left_.remove_prefix(size); }

private:
    read_buffer memory_;
    std::string_view left_;
};

class relaying {
public:
    relaying(connection connection, const relay_options& options)
        : connection_{std::move(connection)}, options_{options} {}

    void run() {
        if (options_.input < 0) {
            sent_ = clock::now();
            end_input();
        }
        while (!server_ended_ || !to_user_.is_empty()) {
            const bool takes_input = to_server_.is_empty() && !input_ended_;
            const bool has_output = !to_user_.is_empty(); // then the server has to wait
            std::array watched{
                pollfd{takes_input ? options_.input : -1, POLLIN, 0},
                pollfd{has_output ? -1 : connection_.descriptor(), wire_events(), 0},
                pollfd{has_output ? options_.output : -1, POLLOUT, 0},
            };
            if (!poll_until(deadline(), watched)) fail_late();
            if (watched[0].revents) read_input();
            if (watched[1].revents & ~POLLOUT) receive();
            if (watched[1].revents & POLLOUT && !server_ended_) send();
            if (watched[2].revents) write_output();
        }
    }

private:
    short wire_events() const { return static_cast<short>(to_server_.is_empty() ? POLLIN : POLLIN | POLLOUT); }

    /// A reply is due after something was sent, and the server's end after ours.
    std::optional<clock::time_point> deadline() const {
        if (!to_user_.is_empty() || !(sent_ || input_ended_)) return std::nullopt;
        return active_ + options_.timeout;
    }

    void read_input() {
        const auto room = to_server_.room();
        const auto count =
            check("read", "standard input", [&] { return read(options_.input, room.data(), room.size()); });
        to_server_.filled(static_cast<std::size_t>(count));
        if (count == 0) end_input();
    }

    void end_input() {
        input_ended_ = true;
        active_ = clock::now();
        connection_.shutdown_write();
    }

    void send() {
        active_ = clock::now();
        const auto count = connection_.write_some(to_server_.bytes());
        to_server_.gone(count);
        if (count > 0 && !sent_) sent_ = active_;
    }

    void receive() {
        const auto bytes = connection_.read_some(to_user_.room());
        if (!bytes) return;
        server_ended_ = bytes->empty();
        to_user_.filled(bytes->size());
        active_ = clock::now();
        if (sent_ && !server_ended_ && options_.on_reply) options_.on_reply(active_ - *sent_);
        sent_.reset();
    }

    void write_output() {
        const auto part = to_user_.bytes().substr(0, PIPE_BUF); // so much a ready pipe takes without waiting
        const auto count =
            check("write", "standard output", [&] { return write(options_.output, part.data(), part.size()); });
        to_user_.gone(static_cast<std::size_t>(count));
    }

    [[noreturn]] void fail_late() const {
        throw conversation_failed{
            {phase::read, "recv", "ETIMEDOUT", fmt::format("no reply within {} ms", options_.timeout.count())}};
    }

    connection connection_;
    const relay_options& options_;
    direction to_server_;
    direction to_user_;
    bool input_ended_ = false;
    bool server_ended_ = false;
    clock::time_point active_{};            // when something last went over the wire
    std::optional<clock::time_point> sent_; // since when a reply is due
};

} // namespace

void relay(connection connection, const relay_options& options) {
    relaying{std::move(connection), options}.run();
}

std::chrono::nanoseconds ask_once(const protocol& with, const request_plan& plan, connection connection,
                                  milliseconds timeout, std::string& received) {
    run_stats stats;
    stats.requests_left = 1;
    client_connection talking{with, plan, stats, 1, std::move(connection)};
    talking.session().keep_in(received);
    std::unique_ptr<read_buffer> spare;
    slot notes{};
    for (;;) {
        const auto what = talking.resume(spare, notes);
        if (what == client_connection::wants::done) break;
        const short events = what == client_connection::wants::read ? POLLIN : POLLOUT;
        pollfd watched{talking.descriptor(), events, 0};
        if (!poll_until(talking.deadline(timeout), {&watched, 1}))
            throw conversation_failed{talking.late(timeout)};
    }
    if (stats.errors.count() > 0) throw conversation_failed{stats.errors.kinds().front().first};
    return stats.latency.max();
}

} // namespace parley
