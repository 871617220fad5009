// A conversation on its wire: an exchange, the session that has it, and the connection it goes over, carried
// as far as it goes without waiting. An event loop, or a single poll(2), does the waiting.
#pragma once

#include "client/conversation/protocols.hpp"
#include "client/conversation/tls.hpp"
#include "common/session/nonblocking_driver.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace parley {

class client_connection {
public:
    /// `number` is the connection's in its run, `begun` when it began to be made. Plan and book must outlive
    /// it. All goes through `tls`, where there is one, which has shaken hands.
    client_connection(const protocol& with, const request_plan& plan, run_stats& stats, std::uint64_t number,
                      connection connection, run_stats::clock::time_point begun = run_stats::clock::now(),
                      std::uint64_t* quota = nullptr, std::unique_ptr<tls_wire> tls = nullptr)
        : plan_{plan},
          request_cycle_{plan, stats, number, begun, quota},
          driver_{with.open(request_cycle_), std::move(connection),
                  tls ? nonblocking_driver::io_mode::completion : nonblocking_driver::io_mode::readiness},
          tls_{std::move(tls)} {}

    enum class wants { read, write, turn, done };

    /// Goes on (nonblocking_driver::resume) and says what it waits for; wants::done: it has come to its good
    /// end. When there is nothing more to ask, it ends our direction of the connection. Throws
    /// conversation_failed for what is wrong with the answers, std::system_error where the connection is lost.
    wants resume(std::unique_ptr<read_buffer>& spare, slot& notes);

    /// It is its turn: the request counts from `due` (none: from when it is sent). Then resume().
    void begin_turn(std::optional<run_stats::clock::time_point> due = {});

    /// The wire is readable while the client_connection waits for its turn, so nothing should come. Throws
    /// conversation_failed where something has come, or the end.
    void check_silence();

    /// By when it must have gone on, if an answer, or the server's end after the last, may take `limit`.
    [[nodiscard]] run_stats::clock::time_point deadline(std::chrono::milliseconds limit) const {
        return request_cycle_.waiting_since() + limit + plan_.least_time;
    }

    /// What is wrong once that has passed.
    [[nodiscard]] failure late(std::chrono::milliseconds limit) const;

    [[nodiscard]] request_cycle& session() { return request_cycle_; }
    [[nodiscard]] int descriptor() { return driver_.get_connection().descriptor(); }

private:
    void shutdown_write();
    nonblocking_driver::wants carry_on(std::unique_ptr<read_buffer>& spare, slot& notes);

    const request_plan& plan_;
    request_cycle request_cycle_;
    nonblocking_driver driver_;
    std::unique_ptr<tls_wire> tls_;
    wants now_ = wants::done;
    bool output_ended_ = false;
};

} // namespace parley
