// A connection: owns a connected socket, and can only read and write. Calls block or not by the socket's flag
// O_NONBLOCK, which the model that accepted the connection has chosen.
#pragma once

#include "common/net/address.hpp"
#include "common/unique_fd.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>

namespace parley {

/// The buffer of one read. With 16 KiB a stream needs few calls, and the buffer still fits on the 128 KiB stack
/// of a worker thread (worker_threads.cpp).
using read_buffer = std::array<char, 16 * 1024>;

class connection {
public:
    /// How long to discard input after shutdown_write(), until the peer closes too: close(2) with unread input
    /// sends a reset, which may destroy the last reply on its way (RFC 1122, 4.2.2.13). A second is many round
    /// trips; a longer time would let a peer that never closes hold its descriptor longer.
    static constexpr std::chrono::milliseconds linger_time{1000};

    /// `timeout` is the one that the socket inherited from its listener, see set_timeout(); 0: none.
    explicit connection(unique_fd socket, const address& peer = {}, std::chrono::milliseconds timeout = {})
        : socket_{std::move(socket)}, peer_{peer}, timeout_{timeout} {}

    /// Reads the available bytes (recv(2)). Returns an empty view at the end of input, and nullopt if nothing
    /// can be read now: errno is EAGAIN (no data, or timeout) or EINTR. Throws std::system_error if the
    /// connection is lost.
    [[nodiscard]] std::optional<std::string_view> read_some(std::span<char> buffer);

    /// Sends as many bytes as fit and returns their number (send(2)); 0 if none can be sent now, with errno as
    /// above. Never raises SIGPIPE. Throws std::system_error if the connection is lost.
    [[nodiscard]] std::size_t write_some(std::string_view bytes);

    /// Closes the sending direction, so that the peer reads the end of input (shutdown(2)). Does nothing on a
    /// lost connection.
    void shutdown_write();

    /// Waits until a read would not block. Returns false after `time`, or if a signal arrives first (poll(2)).
    [[nodiscard]] bool is_readable_within(std::chrono::milliseconds time) const;

    /// Waits until the connection is lost in both directions. Returns false after `time`, or if a signal
    /// arrives first (poll(2), POLLHUP). A peer that has only closed its sending direction can still read, and
    /// does not count.
    [[nodiscard]] bool is_hung_up_within(std::chrono::milliseconds time) const;

    /// Limits how long each read and write of a blocking socket waits (SO_RCVTIMEO, SO_SNDTIMEO).
    void set_timeout(std::chrono::milliseconds limit);

    [[nodiscard]] int descriptor() const { return socket_.get(); }
    [[nodiscard]] const address& peer() const { return peer_; }

    /// Releases ownership of the socket, for a library that owns its sockets itself (Asio).
    [[nodiscard]] unique_fd release() { return std::move(socket_); }

private:
    unique_fd socket_;
    address peer_;
    std::chrono::milliseconds timeout_;
};

/// Limits how long each call of a blocking socket waits (SO_RCVTIMEO, SO_SNDTIMEO). An accepted socket inherits
/// the limits of its listening socket. Throws std::system_error.
void set_timeouts(int socket, std::chrono::milliseconds limit);

} // namespace parley
