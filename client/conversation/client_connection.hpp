// A conversation on its wire: an exchange, the session that has it, and the connection it goes over, carried
// as far as it goes without waiting. An event loop, or a single poll(2), does the waiting.
#pragma once

#include "client/conversation/conversations.hpp"
#include "client/conversation/tls.hpp"
#include "common/session/nonblocking_driver.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace parley {

class dialogue {
public:
    /// `number` is the connection's in its run, `begun` when it began to be made. Plan and book must outlive
    /// it. All goes through `tls`, where there is one, which has shaken hands.
    dialogue(const conversation& with, const request_plan& plan, ledger& book, std::uint64_t number,
             connection wire, ledger::clock::time_point begun = ledger::clock::now(),
             std::uint64_t* quota = nullptr, std::unique_ptr<tls_wire> tls = nullptr)
        : plan_{plan},
          exchange_{plan, book, number, begun, quota},
          driver_{with.open(exchange_), std::move(wire),
                  tls ? nonblocking_driver::transfer::by_loop : nonblocking_driver::transfer::by_driver},
          tls_{std::move(tls)} {}

    enum class waits_for { input, room, turn, nothing };

    /// Goes on (nonblocking_driver::go_on) and says what it waits for; nothing: it has come to its good end.
    /// When there is nothing more to ask, it ends our direction of the connection. Throws conversation_failed
    /// for what is wrong with the answers, std::system_error where the connection is lost.
    waits_for go_on(std::unique_ptr<input_area>& spare, slot& notes);

    /// It is its turn: the request counts from `due` (none: from when it is sent). Then go_on().
    void begin_turn(std::optional<ledger::clock::time_point> due = {});

    /// The wire is readable while the dialogue waits for its turn, so nothing should come. Throws
    /// conversation_failed where something has come, or the end.
    void check_silence();

    /// By when it must have gone on, if an answer, or the server's end after the last, may take `limit`.
    [[nodiscard]] ledger::clock::time_point deadline(std::chrono::milliseconds limit) const {
        return exchange_.waiting_since() + limit + plan_.least_time;
    }

    /// What is wrong once that has passed.
    [[nodiscard]] failure late(std::chrono::milliseconds limit) const;

    [[nodiscard]] exchange& talk() { return exchange_; }
    [[nodiscard]] int descriptor() { return driver_.wire().descriptor(); }

private:
    void end_output();
    nonblocking_driver::waits_for carry_on(std::unique_ptr<input_area>& spare, slot& notes);

    const request_plan& plan_;
    exchange exchange_;
    nonblocking_driver driver_;
    std::unique_ptr<tls_wire> tls_;
    waits_for now_ = waits_for::nothing;
    bool output_ended_ = false;
};

} // namespace parley
