// Messages of bytes over a socket between two processes. Each message is preceded by its length (4 bytes, in
// the byte order of the machine), since a stream has no boundaries. Typed ends are in pipe.hpp.
//
// The socket is one of socketpair(2), not a pipe(2): send(2) with MSG_NOSIGNAL returns EPIPE if the reader is
// gone, whereas write(2) to a pipe sends SIGPIPE, which kills the process.
#pragma once

#include "common/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

enum class receive_status { value, end_of_input, timed_out };

/// What receive() with a time limit returns. There is a value only if the status is `value`.
template <class Value>
struct received {
    receive_status status = receive_status::timed_out;
    std::optional<Value> value;
};

class message_channel {
public:
    /// A longer message is refused, so that a damaged length does not fill the memory.
    static constexpr std::size_t max_message = 64 * 1024 * 1024;

    message_channel() = default;
    explicit message_channel(unique_fd socket) : socket_{std::move(socket)} {}

    /// Sends a message, and waits while the buffer of the socket is full. Returns false if no process has the
    /// other end any more. Throws std::length_error if the message is too long, std::logic_error if this end is
    /// closed, std::system_error.
    [[nodiscard]] bool send(std::string_view message);

    /// Waits for a message, at most for `limit`. A part that has arrived by then is kept for the next call. The
    /// input ends when all copies of the other end are closed; an incomplete message, of a sender that was
    /// killed, is dropped. Throws std::logic_error if this end is closed, std::runtime_error if the length is
    /// damaged, std::system_error.
    [[nodiscard]] received<std::string> receive(std::optional<std::chrono::milliseconds> limit);

    /// Ends the input of the other side. This side can still receive.
    void shutdown_write() const;

    void close() { socket_.reset(); }

    /// Returns the socket, for poll(2), or -1 after close().
    [[nodiscard]] int descriptor() const { return socket_.get(); }

private:
    void require_open() const;
    [[nodiscard]] std::optional<std::string> next_message();

    unique_fd socket_;
    std::string unread_; // begins with the length of the next message
};

/// Returns two connected ends. Throws std::system_error.
std::pair<message_channel, message_channel> make_message_channels();

} // namespace parley
