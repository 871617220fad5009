// Clients for the tests: the conversations of parley's own client, which check every answer, many side by side
// in one thread, and each as unpleasant as a test wants it.
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

/// How long nothing may happen before something must be wrong. No test waits so long that passes.
constexpr std::chrono::seconds time_limit{60};

inline connection connect_to(const address& endpoint) { return connect_to({&endpoint, 1}, time_limit); }

/// Waits until the socket is ready. Throws std::runtime_error where that takes too long.
inline void wait_for(const connection& connection, short events) {
    pollfd ready{.fd = connection.descriptor(), .events = events, .revents = 0};
    if (poll(&ready, 1, std::chrono::milliseconds{time_limit}.count()) <= 0)
        throw std::runtime_error("nothing happened for too long");
}

/// Sends all of it. Throws std::system_error where the connection is lost.
inline void send_all(connection& connection, std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(connection.write_some(text));
        if (!text.empty()) wait_for(connection, POLLOUT);
    }
}

/// The next bytes; empty at the end. Throws std::system_error where the connection is lost.
inline std::string read_next(connection& connection) {
    read_buffer area;
    for (;;) {
        if (const auto bytes = connection.read_some(area)) return std::string{*bytes};
        wait_for(connection, POLLIN);
    }
}

/// All that comes up to the end.
inline std::string read_to_end(connection& connection) {
    std::string all;
    for (auto bytes = read_next(connection); !bytes.empty(); bytes = read_next(connection)) all += bytes;
    return all;
}

/// All that comes up to the end of a line, with it.
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
    /// Talks over `wire` by `plan`, and sends at most `portion` bytes at a time. `plan` and `book` must
    /// outlive it.
    test_client(const protocol& with, const request_plan& plan, run_stats& stats, std::uint64_t number,
                connection connection, std::size_t portion = 1 << 20)
        : session_{plan, stats, number},
          side_{with.open(session_)},
          connection_{std::move(connection)},
          portion_{portion} {}

    /// Goes on as far as it goes without waiting. Throws what the conversation throws.
    void resume() {
        while (!finished_) {
            if (!step_) {
                step_ = side_.next();
                sent_ = 0;
                finished_ = !step_;
            } else if (!carry_out()) {
                return;
            }
        }
    }

    [[nodiscard]] bool finished() const { return finished_; }

    /// From now on it does not read the answer to request `number`; 0: it reads all.
    void pause_reading_at(std::uint64_t number) { hold_at_ = number; }

    /// Has it sent all of that request?
    [[nodiscard]] bool holds() const {
        return waits_for_input() && session_.asked() == hold_at_ && session_.answers() < hold_at_;
    }

    /// What poll(2) shall wait for.
    [[nodiscard]] pollfd wanted() const {
        const short events = waits_for_input() ? POLLIN : POLLOUT;
        return {.fd = finished_ || holds() ? -1 : connection_.descriptor(), .events = events, .revents = 0};
    }

    connection& get_connection() { return connection_; }

private:
    [[nodiscard]] bool waits_for_input() const { return step_ && std::holds_alternative<need_input>(*step_); }

    /// False: it must wait.
    bool carry_out() {
        if (const auto* out = std::get_if<output>(step_)) {
            while (sent_ != out->bytes.size()) {
                const auto count = connection_.write_some(out->bytes.substr(sent_, portion_));
                if (count == 0) return false;
                sent_ += count;
            }
        } else {
            if (holds()) return false;
            if (session_.has_ended() && !ended_output_) connection_.shutdown_write();
            ended_output_ = session_.has_ended();
            const auto bytes = connection_.read_some(area_);
            if (!bytes) return false;
            side_.feed(*bytes);
        }
        step_ = nullptr;
        return true;
    }

    request_cycle session_;
    session side_;
    connection connection_;
    std::size_t portion_;
    const step* step_ = nullptr;
    std::size_t sent_ = 0;
    std::uint64_t hold_at_ = 0;
    bool ended_output_ = false;
    bool finished_ = false;
    read_buffer area_;
};

using test_clients = std::vector<std::unique_ptr<test_client>>;

/// Lets all go on side by side until `reached(client)` holds for each. Throws what their conversations throw,
/// and std::runtime_error where nothing happens for too long.
template <class Reached>
void converse(const test_clients& clients, Reached reached) {
    std::vector<pollfd> wanted(clients.size(), pollfd{-1, 0, POLLIN}); // at first, all have a turn
    for (;;) {
        std::size_t there = 0;
        for (std::size_t i = 0; i != clients.size(); ++i) {
            if (wanted[i].revents != 0) {
                clients[i]->resume();
                wanted[i] = clients[i]->wanted();
            }
            there += reached(*clients[i]);
        }
        if (there == clients.size()) return;
        if (poll(wanted.data(), wanted.size(), std::chrono::milliseconds{time_limit}.count()) <= 0)
            throw std::runtime_error(fmt::format("nothing happens, and only {} of {} clients have got there",
                                                 there, clients.size()));
    }
}

inline void converse(const test_clients& clients) {
    converse(clients, [](const test_client& each) { return each.finished(); });
}

/// What the conversations complained of; empty: nothing.
inline std::string complaints_in(const run_stats& stats) {
    std::string all;
    for (const auto& each : stats.errors.kinds())
        all += fmt::format("{} (x {})\n", each.first.text, each.count);
    return all;
}

} // namespace parley
