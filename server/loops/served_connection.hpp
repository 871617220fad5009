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
    using waits_for = nonblocking_driver::waits_for;
    using time_point = std::chrono::steady_clock::time_point;

    using transfer = nonblocking_driver::transfer;

    /// `wire` is non-blocking. `by` must outlive this.
    served_connection(connection wire, const service& offered, worker& by, transfer mode = transfer::by_driver);

    /// Goes on as nonblocking_driver::go_on() does, and then says goodbye. waits_for::nothing: it is over,
    /// for whatever reason. Throws nothing.
    waits_for go_on(std::unique_ptr<input_area>& spare) noexcept;

    /// Bytes that the loop has read itself, or none at the end of input: see nonblocking_driver::feed().
    void feed(std::string_view bytes, bool more_there = false);

    /// The loop reads first: the next go_on() does not.
    void leave_reading() { driver_.leave_reading(); }

    /// What waits_for::room waits to send, where the loop sends, and how much of it has gone.
    [[nodiscard]] std::string_view unsent() const { return driver_.unsent(); }
    void sent(std::size_t count);

    /// The pause or the work that go_on() stopped at has been carried out.
    void done();

    /// True if the connection is lost. A peer that has only ended its output has not hung up.
    [[nodiscard]] bool has_hung_up() { return driver_.wire().hangs_up_within(std::chrono::milliseconds{0}); }

    /// What the loop has tried has failed with this errno: the connection is lost.
    void lost(std::string_view call, int error) noexcept;

    /// To be asked now and then: has it waited too long, for an idle client (`idle_timeout`, 0: never) or
    /// because a stop was requested? Then give_up(), and go_on() whatever it waited for.
    [[nodiscard]] bool overdue(time_point now, std::chrono::milliseconds idle_timeout) const;

    /// How soon to ask all conversations whether they are overdue.
    [[nodiscard]] static std::chrono::milliseconds look_again_after(std::chrono::milliseconds idle_timeout);

    /// The session is told that its input has ended, or, if it waits for something else, is cut off.
    void give_up();

    /// Closes the socket, before this object goes.
    void hang_up() { [[maybe_unused]] const auto closed = driver_.wire().release(); }

    [[nodiscard]] std::chrono::milliseconds pause() const { return driver_.pause(); }
    [[nodiscard]] compute work() const { return driver_.work(); }
    [[nodiscard]] int descriptor() { return driver_.wire().descriptor(); }

private:
    waits_for say_goodbye(std::unique_ptr<input_area>& spare);

    nonblocking_driver driver_;
    worker& by_;
    connection_log log_;
    waits_for waits_ = waits_for::input;
    bool leaving_ = false; // the session has finished
    bool cut_off_ = false;
    time_point last_reply_; // or the beginning; while leaving, when that began
    time_point last_heard_;
};

} // namespace parley
