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
    enum class wants {
        read,    // until the socket is readable
        write,   // until the socket is writable
        timer,   // pause() milliseconds, then done()
        compute, // until work() has been called, on whichever thread, then done()
        yield,   // until the other connections have had a turn
        done     // the session has finished
    };

    /// Who calls recv(2) and send(2): the driver, when resume() says so; or the loop, which then feed()s what
    /// it has received, and sends what is unsent().
    enum class io_mode { readiness, completion };

    nonblocking_driver(session session, connection connection, io_mode mode = io_mode::readiness)
        : session_{std::move(session)}, connection_{std::move(connection)}, mode_{mode} {}

    /// Goes on. Reads at most once, or not at all after feed(), and makes at most replies_per_turn replies, so
    /// that a fast peer cannot keep the loop to itself. Small replies to requests that came together go out
    /// together; none waits for more input. `spare` is the loop's own memory for input: a session that stops in
    /// the midst of its input takes it along, and the next resume() makes the loop a new one; so a connection
    /// that waits for input holds none. Notes on `stats` what it carried. Throws what the session throws, and
    /// std::system_error where the connection is lost.
    wants resume(std::unique_ptr<read_buffer>& buffer, slot& stats);
    static constexpr unsigned replies_per_turn = 64;

    /// The delay or the work that resume() stopped at has been carried out.
    void done() { step_ = nullptr; }

    /// Hands a session that waits for input bytes that the loop has read itself, or, if empty, the end of
    /// input; then resume(), which reads only if `more_there`. The bytes must stay valid until it waits for
    /// input again.
    void feed(std::string_view bytes, slot& stats, bool more_there = false);

    /// The loop reads first: the next resume() does not.
    void skip_next_read() { has_read_ = true; }

    /// What wants::write waits to send, and how much of it the loop has sent since.
    [[nodiscard]] std::string_view unsent() const {
        return (has_batch() ? batch_->bytes() : std::get<output>(*step_).bytes).substr(sent_);
    }
    void sent(std::size_t count, slot& stats);

    /// Has the session been told that nothing more will come?
    [[nodiscard]] bool saw_eof() const { return heard_end_; }

    [[nodiscard]] std::chrono::milliseconds pause() const { return std::get<delay>(*step_).time; }
    [[nodiscard]] compute work() const { return std::get<compute>(*step_); }
    [[nodiscard]] io_mode mode() const { return mode_; }
    [[nodiscard]] connection& get_connection() { return connection_; }
    [[nodiscard]] session& get_session() { return session_; }

private:
    /// What waits until other steps have been carried out.
    struct pending : reply_batch {
        std::exception_ptr failure; // of the session, after the replies
    };

    [[nodiscard]] bool has_batch() const { return batch_ && !batch_->empty(); }
    void next_step();
    bool add_to_batch(std::string_view reply);
    wants wait_with_input(wants what, std::unique_ptr<read_buffer>& buffer);

    session session_;
    connection connection_;
    io_mode mode_;
    const step* step_ = nullptr; // what the session asked for, and has not got yet
    bool has_finished_ = false;  // the session, though its last replies may still be in the batch
    bool has_read_ = false;      // in this turn
    bool heard_end_ = false;
    std::size_t sent_ = 0;               // how much of the batch, or else of an output, went out already
    std::unique_ptr<pending> batch_;     // null while it waits for input
    std::unique_ptr<read_buffer> input_; // what the session still looks at
};

} // namespace parley
