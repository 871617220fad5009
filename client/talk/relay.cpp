// relay() copies bytes in both directions with poll(2). send_request() runs a client_connection to its end.
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

/// The buffer of one direction. It is refilled only when it is empty, so memory stays bounded.
class direction {
public:
    [[nodiscard]] bool is_empty() const { return rest_.empty(); }
    [[nodiscard]] std::span<char> space() { return buffer_; }
    void fill(std::size_t size) { rest_ = {buffer_.data(), size}; }
    [[nodiscard]] std::string_view bytes() const { return rest_; }
    void consume(std::size_t size) { rest_.remove_prefix(size); }

private:
    read_buffer buffer_;
    std::string_view rest_; // what has not been written yet
};

class relay_loop {
public:
    relay_loop(connection connection, const relay_options& options)
        : connection_{std::move(connection)}, options_{options} {}

    void run() {
        if (options_.input < 0) {
            sent_ = clock::now();
            end_input();
        }
        while (!server_ended_ || !to_user_.is_empty()) {
            const bool takes_input = to_server_.is_empty() && !input_ended_;
            const bool has_output =
                !to_user_.is_empty(); // then nothing is read from the server (back-pressure)
            std::array watched{
                pollfd{takes_input ? options_.input : -1, POLLIN, 0},
                pollfd{has_output ? -1 : connection_.descriptor(), connection_events(), 0},
                pollfd{has_output ? options_.output : -1, POLLOUT, 0},
            };
            if (!poll_until(deadline(), watched)) throw_timeout();
            if (watched[0].revents) read_input();
            if (watched[1].revents & ~POLLOUT) receive();
            if (watched[1].revents & POLLOUT && !server_ended_) send();
            if (watched[2].revents) write_output();
        }
    }

private:
    short connection_events() const {
        return static_cast<short>(to_server_.is_empty() ? POLLIN : POLLIN | POLLOUT);
    }

    /// A timeout runs while a reply is due, and after the end of the input until the server closes.
    std::optional<clock::time_point> deadline() const {
        if (!to_user_.is_empty() || !(sent_ || input_ended_)) return std::nullopt;
        return active_ + options_.timeout;
    }

    void read_input() {
        const auto space = to_server_.space();
        const auto count =
            check("read", "standard input", [&] { return read(options_.input, space.data(), space.size()); });
        to_server_.fill(static_cast<std::size_t>(count));
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
        to_server_.consume(count);
        if (count > 0 && !sent_) sent_ = active_;
    }

    void receive() {
        const auto bytes = connection_.read_some(to_user_.space());
        if (!bytes) return;
        server_ended_ = bytes->empty();
        to_user_.fill(bytes->size());
        active_ = clock::now();
        if (sent_ && !server_ended_ && options_.on_reply) options_.on_reply(active_ - *sent_);
        sent_.reset();
    }

    void write_output() {
        const auto part = to_user_.bytes().substr(
            0, PIPE_BUF); // a writable pipe takes PIPE_BUF bytes without blocking (pipe(7))
        const auto count =
            check("write", "standard output", [&] { return write(options_.output, part.data(), part.size()); });
        to_user_.consume(static_cast<std::size_t>(count));
    }

    [[noreturn]] void throw_timeout() const {
        throw conversation_failed{
            {phase::read, "recv", "ETIMEDOUT", fmt::format("no reply within {} ms", options_.timeout.count())}};
    }

    connection connection_;
    const relay_options& options_;
    direction to_server_;
    direction to_user_;
    bool input_ended_ = false;
    bool server_ended_ = false;
    clock::time_point active_{};            // time of the last transfer
    std::optional<clock::time_point> sent_; // when the request was sent that has no reply yet
};

} // namespace

void relay(connection connection, const relay_options& options) {
    relay_loop{std::move(connection), options}.run();
}

std::chrono::nanoseconds send_request(const protocol& protocol, const request_plan& plan, connection connection,
                                      milliseconds timeout, std::string& received) {
    run_stats stats;
    stats.requests_left = 1;
    client_connection client{protocol, plan, stats, 1, std::move(connection)};
    client.session().keep_in(received);
    std::unique_ptr<read_buffer> buffer;
    slot slot{};
    for (;;) {
        const auto wanted = client.resume(buffer, slot);
        if (wanted == client_connection::wants::done) break;
        const short events = wanted == client_connection::wants::read ? POLLIN : POLLOUT;
        pollfd watched{client.descriptor(), events, 0};
        if (!poll_until(client.deadline(timeout), {&watched, 1}))
            throw conversation_failed{client.late(timeout)};
    }
    if (stats.errors.count() > 0) throw conversation_failed{stats.errors.kinds().front().first};
    return stats.latency.max();
}

} // namespace parley
