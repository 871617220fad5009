// A client for tests: runs the sessions of parley's own clients, which check every response. Many run in one
// thread. A test can make each one slow, silent or half-closed.
#pragma once

#include "client/conversation/connect.hpp"
#include "client/conversation/protocols.hpp"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace parley {

/// How long a test waits without an event before it fails. A passing test never waits for this time.
constexpr std::chrono::seconds time_limit{60};

inline connection connect_to(const address& endpoint) { return connect_to({&endpoint, 1}, time_limit); }

/// Waits until the socket is ready. Throws std::runtime_error after `time_limit`.
inline void wait_for(const connection& connection, short events) {
    pollfd ready{.fd = connection.descriptor(), .events = events, .revents = 0};
    if (poll(&ready, 1, std::chrono::milliseconds{time_limit}.count()) <= 0)
        throw std::runtime_error("nothing happened for too long");
}

/// Writes the whole text. Throws std::system_error if the connection is lost.
inline void send_all(connection& connection, std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(connection.write_some(text));
        if (!text.empty()) wait_for(connection, POLLOUT);
    }
}

/// Returns the next bytes; empty at end of input. Throws std::system_error if the connection is lost.
inline std::string read_next(connection& connection) {
    read_buffer buffer;
    for (;;) {
        if (const auto bytes = connection.read_some(buffer)) return std::string{*bytes};
        wait_for(connection, POLLIN);
    }
}

/// Returns all input up to its end.
inline std::string read_to_end(connection& connection) {
    std::string input;
    for (auto bytes = read_next(connection); !bytes.empty(); bytes = read_next(connection)) input += bytes;
    return input;
}

/// Returns the input up to and including the next line end.
inline std::string read_line(connection& connection) {
    std::string line;
    for (char byte = 0; byte != '\n';) {
        const auto bytes = connection.read_some({&byte, 1});
        if (!bytes) {
            wait_for(connection, POLLIN);
        } else if (bytes->empty()) {
            throw std::runtime_error("the end instead of a line, after '" + line + "'");
        } else {
            line += byte;
        }
    }
    return line;
}

class test_client {
public:
    /// A client on `connection` that follows `plan` and sends at most `portion` bytes at once. `plan` and
    /// `stats` must outlive it.
    test_client(const protocol& protocol, const request_plan& plan, run_stats& stats, std::uint64_t number,
                connection connection, std::size_t portion = 1 << 20)
        : request_cycle_{plan, stats, number},
          session_{protocol.open(request_cycle_)},
          connection_{std::move(connection)},
          portion_{portion} {}

    /// Advances until it would have to wait. Throws what the session throws.
    void resume() {
        while (!finished_) {
            if (!step_) {
                step_ = session_.next();
                sent_ = 0;
                finished_ = !step_;
            } else if (!carry_out()) {
                return;
            }
        }
    }

    [[nodiscard]] bool finished() const { return finished_; }

    /// Stops reading before the response to request `number`; 0: reads everything.
    void pause_reading_at(std::uint64_t number) { pause_at_ = number; }

    /// True if it has sent the request at which it is to stop reading.
    [[nodiscard]] bool is_paused() const {
        return wants_input() && request_cycle_.asked() == pause_at_ && request_cycle_.replies() < pause_at_;
    }

    /// Returns what poll(2) is to wait for; the descriptor is -1 if that is nothing.
    [[nodiscard]] pollfd wanted() const {
        const short events = wants_input() ? POLLIN : POLLOUT;
        return {.fd = finished_ || is_paused() ? -1 : connection_.descriptor(), .events = events, .revents = 0};
    }

    connection& get_connection() { return connection_; }

private:
    [[nodiscard]] bool wants_input() const { return step_ && std::holds_alternative<need_input>(*step_); }

    /// Carries out the current step. Returns false if it has to wait.
    bool carry_out() {
        if (const auto* out = std::get_if<output>(step_)) {
            while (sent_ != out->bytes.size()) {
                const auto count = connection_.write_some(out->bytes.substr(sent_, portion_));
                if (count == 0) return false;
                sent_ += count;
            }
        } else {
            if (is_paused()) return false;
            if (request_cycle_.has_ended() && !has_shut_down_) connection_.shutdown_write();
            has_shut_down_ = request_cycle_.has_ended();
            const auto bytes = connection_.read_some(buffer_);
            if (!bytes) return false;
            session_.feed(*bytes);
        }
        step_ = nullptr;
        return true;
    }

    request_cycle request_cycle_;
    session session_;
    connection connection_;
    std::size_t portion_;
    const step* step_ = nullptr;
    std::size_t sent_ = 0;
    std::uint64_t pause_at_ = 0;
    bool has_shut_down_ = false;
    bool finished_ = false;
    read_buffer buffer_;
};

using test_clients = std::vector<std::unique_ptr<test_client>>;

/// Runs all clients until `reached(client)` is true for each. Throws what their sessions throw, and
/// std::runtime_error if nothing happens for `time_limit`.
template <class Reached>
void converse(const test_clients& clients, Reached reached) {
    std::vector<pollfd> wanted(clients.size(), pollfd{-1, 0, POLLIN}); // at first, every client is advanced
    for (;;) {
        std::size_t count = 0;
        for (std::size_t i = 0; i != clients.size(); ++i) {
            if (wanted[i].revents != 0) {
                clients[i]->resume();
                wanted[i] = clients[i]->wanted();
            }
            count += reached(*clients[i]);
        }
        if (count == clients.size()) return;
        if (poll(wanted.data(), wanted.size(), std::chrono::milliseconds{time_limit}.count()) <= 0)
            throw std::runtime_error(
                fmt::format("no event in time: only {} of {} clients have got there", count, clients.size()));
    }
}

inline void converse(const test_clients& clients) {
    converse(clients, [](const test_client& client) { return client.finished(); });
}

/// Returns the errors that the sessions reported, or an empty text.
inline std::string errors_in(const run_stats& stats) {
    std::string text;
    for (const auto& error : stats.errors.kinds())
        text += fmt::format("{} (x {})\n", error.first.text, error.count);
    return text;
}

} // namespace parley
