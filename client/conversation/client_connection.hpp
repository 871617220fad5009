// One connection of a client: a request cycle, its session and its socket. resume() runs it as far as possible
// without blocking. An event loop, or a single poll(2), waits for the socket.
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
    /// `number` is that of the connection in its run; `begun` is the start of connect(2). Plan, stats and quota
    /// must outlive it. If `tls` is given, its handshake is complete, and all I/O goes through it.
    client_connection(const protocol& protocol, const request_plan& plan, run_stats& stats,
                      std::uint64_t number, connection connection,
                      run_stats::clock::time_point begun = run_stats::clock::now(),
                      std::uint64_t* quota = nullptr, std::unique_ptr<tls_stream> tls = nullptr)
        : plan_{plan},
          request_cycle_{plan, stats, number, begun, quota},
          driver_{protocol.open(request_cycle_), std::move(connection),
                  tls ? nonblocking_driver::io_mode::completion : nonblocking_driver::io_mode::readiness},
          tls_{std::move(tls)} {}

    enum class wants { read, write, turn, done };

    /// Advances the session (nonblocking_driver::resume) and returns what it waits for. wants::done means that
    /// it ended correctly. Shuts down the write side after the last request. Throws conversation_failed if a
    /// response is wrong, std::system_error if the connection failed.
    wants resume(std::unique_ptr<read_buffer>& buffer, slot& stats);

    /// Releases a connection that waits for its turn. Its latency counts from `due`, or by default from the
    /// sending. Call resume() afterwards.
    void begin_turn(std::optional<run_stats::clock::time_point> due = {});

    /// Checks a socket that is readable while the connection waits for its turn. Throws conversation_failed if
    /// there are bytes, or the end of input.
    void check_silence();

    /// Returns the time by which it must advance, if a response, or the server's close after the last one, may
    /// take `limit`.
    [[nodiscard]] run_stats::clock::time_point deadline(std::chrono::milliseconds limit) const {
        return request_cycle_.waiting_since() + limit + plan_.least_time;
    }

    /// Returns the failure to report after that time.
    [[nodiscard]] failure late(std::chrono::milliseconds limit) const;

    [[nodiscard]] request_cycle& session() { return request_cycle_; }
    [[nodiscard]] int descriptor() { return driver_.get_connection().descriptor(); }

private:
    void shutdown_write();
    nonblocking_driver::wants carry_on(std::unique_ptr<read_buffer>& buffer, slot& stats);

    const request_plan& plan_;
    request_cycle request_cycle_;
    nonblocking_driver driver_;
    std::unique_ptr<tls_stream> tls_;
    wants now_ = wants::done;
    bool output_ended_ = false;
};

} // namespace parley
