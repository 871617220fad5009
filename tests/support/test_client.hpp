// Clients for the tests: the conversations of parley's own client, which check every answer, many side by side
// in one thread, and each as unpleasant as a test wants it.
#pragma once

#include "client/conversation/connect.hpp"
#include "client/conversation/conversations.hpp"

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
constexpr std::chrono::seconds patience{60};

inline connection connect_to(const address& door) { return connect_to({&door, 1}, patience); }

/// Waits until the socket is ready. Throws std::runtime_error where that takes too long.
inline void wait_for(const connection& wire, short events) {
    pollfd ready{.fd = wire.descriptor(), .events = events, .revents = 0};
    if (poll(&ready, 1, std::chrono::milliseconds{patience}.count()) <= 0)
        throw std::runtime_error("nothing happened for too long");
}

/// Sends all of it. Throws std::system_error where the connection is lost.
inline void send_all(connection& wire, std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(wire.write_some(text));
        if (!text.empty()) wait_for(wire, POLLOUT);
    }
}

/// The next bytes; empty at the end. Throws std::system_error where the connection is lost.
inline std::string read_next(connection& wire) {
    input_area area;
    for (;;) {
        if (const auto bytes = wire.read_some(area)) return std::string{*bytes};
        wait_for(wire, POLLIN);
    }
}

/// All that comes up to the end.
inline std::string read_to_end(connection& wire) {
    std::string all;
    for (auto bytes = read_next(wire); !bytes.empty(); bytes = read_next(wire)) all += bytes;
    return all;
}

/// All that comes up to the end of a line, with it.
inline std::string read_line(connection& wire) {
    std::string line;
    for (char byte = 0; byte != '\n';) {
        const auto bytes = wire.read_some({&byte, 1});
        if (!bytes) {
            wait_for(wire, POLLIN);
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
    test_client(const conversation& with, const request_plan& plan, ledger& book, std::uint64_t number,
                connection wire, std::size_t portion = 1 << 20)
        : talk_{plan, book, number}, side_{with.open(talk_)}, wire_{std::move(wire)}, portion_{portion} {}

    /// Goes on as far as it goes without waiting. Throws what the conversation throws.
    void go_on() {
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
    void hold_at(std::uint64_t number) { hold_at_ = number; }

    /// Has it sent all of that request?
    [[nodiscard]] bool holds() const {
        return waits_for_input() && talk_.asked() == hold_at_ && talk_.answers() < hold_at_;
    }

    /// What poll(2) shall wait for.
    [[nodiscard]] pollfd wanted() const {
        const short events = waits_for_input() ? POLLIN : POLLOUT;
        return {.fd = finished_ || holds() ? -1 : wire_.descriptor(), .events = events, .revents = 0};
    }

    connection& wire() { return wire_; }

private:
    [[nodiscard]] bool waits_for_input() const { return step_ && std::holds_alternative<need_input>(*step_); }

    /// False: it must wait.
    bool carry_out() {
        if (const auto* out = std::get_if<output>(step_)) {
            while (sent_ != out->bytes.size()) {
                const auto count = wire_.write_some(out->bytes.substr(sent_, portion_));
                if (count == 0) return false;
                sent_ += count;
            }
        } else {
            if (holds()) return false;
            if (talk_.has_ended() && !ended_output_) wire_.end_output();
            ended_output_ = talk_.has_ended();
            const auto bytes = wire_.read_some(area_);
            if (!bytes) return false;
            side_.feed(*bytes);
        }
        step_ = nullptr;
        return true;
    }

    exchange talk_;
    session side_;
    connection wire_;
    std::size_t portion_;
    const step* step_ = nullptr;
    std::size_t sent_ = 0;
    std::uint64_t hold_at_ = 0;
    bool ended_output_ = false;
    bool finished_ = false;
    input_area area_;
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
                clients[i]->go_on();
                wanted[i] = clients[i]->wanted();
            }
            there += reached(*clients[i]);
        }
        if (there == clients.size()) return;
        if (poll(wanted.data(), wanted.size(), std::chrono::milliseconds{patience}.count()) <= 0)
            throw std::runtime_error(fmt::format("nothing happens, and only {} of {} clients have got there",
                                                 there, clients.size()));
    }
}

inline void converse(const test_clients& clients) {
    converse(clients, [](const test_client& each) { return each.finished(); });
}

/// What the conversations complained of; empty: nothing.
inline std::string complaints_in(const ledger& book) {
    std::string all;
    for (const auto& each : book.errors.kinds()) all += fmt::format("{} (x {})\n", each.first.text, each.count);
    return all;
}

} // namespace parley
