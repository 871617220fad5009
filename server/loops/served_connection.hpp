// One connection under an event loop, from its session's start to the log line of its end. The counterpart of
// serve() in serve_blocking.hpp.
//
// The loop waits; this object says what for (wants), and whether the wait has taken too long (timed_out()). At
// the end of the session it closes with a linger: see connection::linger_time. Read
// common/session/nonblocking_driver.hpp first.
#pragma once

#include "common/scoreboard/scoreboard.hpp"
#include "common/session/nonblocking_driver.hpp"
#include "server/connection_log.hpp"
#include "server/service.hpp"

#include <chrono>
#include <string_view>

namespace parley {

class served_connection {
public:
    using wants = nonblocking_driver::wants;
    using time_point = std::chrono::steady_clock::time_point;

    using io_mode = nonblocking_driver::io_mode;

    /// `connection` is non-blocking if the mode is `readiness`. `worker` must outlive this object.
    served_connection(connection connection, const service& offered, worker& worker,
                      io_mode mode = io_mode::readiness);

    /// Runs the session as nonblocking_driver::resume() does, and then lingers. Returns wants::done when the
    /// connection is over, for whatever reason: then destroy this object.
    wants resume(std::unique_ptr<read_buffer>& buffer) noexcept;

    /// Passes on bytes that the loop has received, or none for end of input: see nonblocking_driver::feed().
    void feed(std::string_view bytes, bool more_there = false);

    /// Makes the next resume() not read: the loop has no sign yet that there is input.
    void skip_next_read() { driver_.skip_next_read(); }

    /// The bytes that wants::write is to send, if the loop sends; then how many of them it has sent.
    [[nodiscard]] std::string_view unsent() const { return driver_.unsent(); }
    void sent(std::size_t count);

    /// Call it when the pause or the work at which resume() stopped is done.
    void done();

    /// True if the connection is lost. A peer that has only shut down its output has not hung up.
    [[nodiscard]] bool has_hung_up() {
        return driver_.get_connection().is_hung_up_within(std::chrono::milliseconds{0});
    }

    /// Call it if a system call of the loop has failed: the connection is lost, and the next resume() returns
    /// wants::done.
    void connection_failed(std::string_view call, int error) noexcept;

    /// True if the connection was idle for `idle_timeout` (0: never), or must end for the shutdown. Poll it
    /// periodically (timeout_schedule); then call abort() and resume().
    [[nodiscard]] bool timed_out(time_point now, std::chrono::milliseconds idle_timeout) const;

    /// Ends the wait: a session that waits for input gets end of input, any other is cut off.
    void abort();

    /// Closes the socket before this object is destroyed.
    void close() { [[maybe_unused]] const auto closed = driver_.get_connection().release(); }

    [[nodiscard]] std::chrono::milliseconds pause() const { return driver_.pause(); }
    [[nodiscard]] compute work() const { return driver_.work(); }
    [[nodiscard]] int descriptor() { return driver_.get_connection().descriptor(); }

private:
    wants linger(std::unique_ptr<read_buffer>& buffer);

    nonblocking_driver driver_;
    worker& worker_;
    connection_log log_;
    wants wanted_ = wants::read;
    bool lingers_ = false; // the session has finished
    bool aborted_ = false;
    time_point last_reply_; // at first, when the connection began; while it lingers, when that began
    time_point last_activity_;
};

} // namespace parley
