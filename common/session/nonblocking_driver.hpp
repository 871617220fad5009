// Carries a session over a non-blocking socket as far as it goes without waiting, and says what it waits
// for. An event loop of any kind (epoll, Asio, the load tester's) does the waiting and goes on from there.
#pragma once

#include "common/net/connection.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "common/session/reply_batch.hpp"
#include "common/session/session.hpp"

#include <exception>
#include <memory>

namespace parley {

class nonblocking_driver {
public:
    enum class waits_for {
        input,  // until the socket is readable
        room,   // until the socket is writable
        time,   // pause() milliseconds, then done()
        work,   // until work() has been called, on whichever thread, then done()
        others, // until the other connections have had a turn
        nothing // the session has finished
    };

    /// Who calls recv(2) and send(2): the driver, when go_on() says so; or the loop, which then feed()s what it
    /// has received, and sends what is unsent().
    enum class transfer { by_driver, by_loop };

    nonblocking_driver(session talk, connection wire, transfer mode = transfer::by_driver)
        : talk_{std::move(talk)}, wire_{std::move(wire)}, mode_{mode} {}

    /// Goes on. Reads at most once, or not at all after feed(), and makes at most replies_per_turn replies, so
    /// that a fast peer cannot keep the loop to itself. Small replies to requests that came together go out
    /// together; none waits for more input. `spare` is the loop's own memory for input: a session that stops in
    /// the midst of its input takes it along, and the next go_on() makes the loop a new one; so a connection
    /// that waits for input holds none. Notes on `notes` what it carried. Throws what the session throws, and
    /// std::system_error where the connection is lost.
    waits_for go_on(std::unique_ptr<input_area>& spare, slot& notes);
    static constexpr unsigned replies_per_turn = 64;

    /// The delay or the work that go_on() stopped at has been carried out.
    void done() { step_ = nullptr; }

    /// Hands a session that waits for input bytes that the loop has read itself, or, if empty, the end of
    /// input; then go_on(), which reads only if `more_there`. The bytes must stay valid until it waits for
    /// input again.
    void feed(std::string_view bytes, slot& notes, bool more_there = false);

    /// The loop reads first: the next go_on() does not.
    void leave_reading() { has_read_ = true; }

    /// What waits_for::room waits to send, and how much of it the loop has sent since.
    [[nodiscard]] std::string_view unsent() const {
        return (has_batch() ? batch_->bytes() : std::get<output>(*step_).bytes).substr(sent_);
    }
    void sent(std::size_t count, slot& notes);

    /// Has the session been told that nothing more will come?
    [[nodiscard]] bool heard_end() const { return heard_end_; }

    [[nodiscard]] std::chrono::milliseconds pause() const { return std::get<delay>(*step_).time; }
    [[nodiscard]] compute work() const { return std::get<compute>(*step_); }
    [[nodiscard]] transfer mode() const { return mode_; }
    [[nodiscard]] connection& wire() { return wire_; }
    [[nodiscard]] session& talk() { return talk_; }

private:
    /// What waits until other steps have been carried out.
    struct pending : reply_batch {
        std::exception_ptr failure; // of the session, after the replies
    };

    [[nodiscard]] bool has_batch() const { return batch_ && !batch_->empty(); }
    void next_step();
    bool add_to_batch(std::string_view reply);
    waits_for wait_with_input(waits_for what, std::unique_ptr<input_area>& spare);

    session talk_;
    connection wire_;
    transfer mode_;
    const step* step_ = nullptr; // what the session asked for, and has not got yet
    bool has_finished_ = false;  // the session, though its last replies may still be in the batch
    bool has_read_ = false;      // in this turn
    bool heard_end_ = false;
    std::size_t sent_ = 0;              // how much of the batch, or else of an output, went out already
    std::unique_ptr<pending> batch_;    // null while it waits for input
    std::unique_ptr<input_area> input_; // what the session still looks at
};

} // namespace parley
