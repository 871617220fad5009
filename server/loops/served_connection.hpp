// One connection from open to logged end under an event loop: what serve() is for calls that wait. The loop
// does the waiting; this says for what, and when it has lasted too long.
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

    /// `connection` is non-blocking. `worker` must outlive this.
    served_connection(connection connection, const service& offered, worker& worker,
                      io_mode mode = io_mode::readiness);

    /// Goes on as nonblocking_driver::resume() does, and then says goodbye. wants::done: it is over,
    /// for whatever reason. Throws nothing.
    wants resume(std::unique_ptr<read_buffer>& buffer) noexcept;

    /// Bytes that the loop has read itself, or none at the end of input: see nonblocking_driver::feed().
    void feed(std::string_view bytes, bool more_there = false);

    /// The loop reads first: the next resume() does not.
    void skip_next_read() { driver_.skip_next_read(); }

    /// What wants::write waits to send, where the loop sends, and how much of it has gone.
    [[nodiscard]] std::string_view unsent() const { return driver_.unsent(); }
    void sent(std::size_t count);

    /// The pause or the work that resume() stopped at has been carried out.
    void done();

    /// True if the connection is lost. A peer that has only ended its output has not hung up.
    [[nodiscard]] bool has_hung_up() {
        return driver_.get_connection().is_hung_up_within(std::chrono::milliseconds{0});
    }

    /// What the loop has tried has failed with this errno: the connection is lost.
    void lost(std::string_view call, int error) noexcept;

    /// To be asked now and then: has it waited too long, for an idle client (`idle_timeout`, 0: never) or
    /// because a stop was requested? Then give_up(), and resume() whatever it waited for.
    [[nodiscard]] bool timed_out(time_point now, std::chrono::milliseconds idle_timeout) const;

    /// The session is told that its input has ended, or, if it waits for something else, is cut off.
    void give_up();

    /// Closes the socket, before this object goes.
    void hang_up() { [[maybe_unused]] const auto closed = driver_.get_connection().release(); }

    [[nodiscard]] std::chrono::milliseconds pause() const { return driver_.pause(); }
    [[nodiscard]] compute work() const { return driver_.work(); }
    [[nodiscard]] int descriptor() { return driver_.get_connection().descriptor(); }

private:
    wants linger(std::unique_ptr<read_buffer>& buffer);

    nonblocking_driver driver_;
    worker& worker_;
    connection_log log_;
    wants waits_ = wants::read;
    bool leaving_ = false; // the session has finished
    bool cut_off_ = false;
    time_point last_reply_; // or the beginning; while leaving, when that began
    time_point last_heard_;
};

} // namespace parley
