// Driver for event loops: runs a session over a non-blocking socket until it would block, and returns what it
// waits for. Any event loop (epoll, io_uring, Asio, the load tester's) does the waiting and then resumes the
// driver. Read blocking_driver.cpp first.
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
        read,    // the socket must become readable
        write,   // the socket must become writable
        timer,   // pause() must elapse; then call done()
        compute, // work() must be called, on any thread; then call done()
        yield,   // the other connections of the loop must run first
        done     // nothing: the session has finished
    };

    /// Whether the driver calls recv(2) and send(2) itself (readiness, as epoll(7)), or the loop does
    /// (completion, as io_uring(7)). In completion mode the loop passes received bytes to feed() and sends the
    /// bytes of unsent().
    enum class io_mode { readiness, completion };

    nonblocking_driver(session session, connection connection, io_mode mode = io_mode::readiness)
        : session_{std::move(session)}, connection_{std::move(connection)}, mode_{mode} {}

    /// Runs the session until it would block, and returns what it waits for. Reads at most once (not at all
    /// after feed()) and makes at most replies_per_turn replies, so that a fast peer cannot monopolise the
    /// loop. Small replies to pipelined requests share one send(2); no reply waits for more input.
    ///
    /// `buffer` is shared by all connections of a loop. A session that suspends while it still uses the input
    /// keeps the buffer; the next call allocates another. So a connection that waits for input holds no buffer.
    ///
    /// Counts bytes and requests in `stats`. Throws what the session throws, and std::system_error if the
    /// connection is lost.
    wants resume(std::unique_ptr<read_buffer>& buffer, slot& stats);

    /// Many enough that yielding costs little per reply; few enough that other connections wait only
    /// microseconds.
    static constexpr unsigned replies_per_turn = 64;

    /// Reports that the delay or the work at which resume() stopped is complete.
    void done() { step_ = nullptr; }

    /// Passes bytes that the loop has read to a session that waits for input; empty bytes mean the end of
    /// input. Then call resume(), which reads only if `has_more`. The bytes must stay valid until the session
    /// waits for input again.
    void feed(std::string_view bytes, slot& stats, bool has_more = false);

    /// Makes the next resume() not read, because the loop reads first.
    void skip_next_read() { has_read_ = true; }

    /// Returns the bytes that wants::write waits to send.
    [[nodiscard]] std::string_view unsent() const {
        return (has_batch() ? batch_->bytes() : std::get<output>(*step_).bytes).substr(sent_);
    }

    /// Reports that the loop has sent the first `count` bytes of unsent().
    void sent(std::size_t count, slot& stats);

    /// True if the session has received the end of input.
    [[nodiscard]] bool saw_eof() const { return saw_eof_; }

    [[nodiscard]] std::chrono::milliseconds pause() const { return std::get<delay>(*step_).time; }
    [[nodiscard]] compute work() const { return std::get<compute>(*step_); }
    [[nodiscard]] io_mode mode() const { return mode_; }
    [[nodiscard]] connection& get_connection() { return connection_; }
    [[nodiscard]] session& get_session() { return session_; }

private:
    /// Replies that wait to be sent, and what the session threw after it had made them.
    struct pending : reply_batch {
        std::exception_ptr failure;
    };

    [[nodiscard]] bool has_batch() const { return batch_ && !batch_->empty(); }
    void next_step();
    bool add_to_batch(std::string_view reply);
    wants suspend_with_input(wants reason, std::unique_ptr<read_buffer>& buffer);

    session session_;
    connection connection_;
    io_mode mode_;
    const step* step_ = nullptr; // the step in progress; null if the next one must be fetched
    bool has_finished_ = false;  // the session has ended; its last replies may still be in the batch
    bool has_read_ = false;      // in this call of resume(), or before it by the loop
    bool saw_eof_ = false;
    std::size_t sent_ = 0;               // bytes already sent of the batch, or else of the output in step_
    std::unique_ptr<pending> batch_;     // null while the session waits for input
    std::unique_ptr<read_buffer> input_; // input that a suspended session still uses
};

} // namespace parley
