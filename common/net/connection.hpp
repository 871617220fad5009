// The wire between two ends: it owns a connected socket, and can only read and write. Whether a call waits
// is the socket's own flag (O_NONBLOCK), chosen by the model that made the connection.
#pragma once

#include "common/net/address.hpp"
#include "common/unique_fd.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>

namespace parley {

/// What one read fills: large enough that a stream needs few calls, small enough for a thread's stack.
using read_buffer = std::array<char, 16 * 1024>;

class connection {
public:
    /// How long to discard input after shutdown_write(), until the peer closes too: close(2) with unread input
    /// sends a reset, which may destroy the last reply on its way (RFC 1122, 4.2.2.13). A second is many round
    /// trips; a longer time would let a peer that never closes hold its descriptor longer.
    static constexpr std::chrono::milliseconds linger_time{1000};

    /// `gives_up_after` is what the socket has inherited, see set_timeout(); 0: nothing.
    explicit connection(unique_fd socket, const address& peer = {},
                        std::chrono::milliseconds gives_up_after = {})
        : socket_{std::move(socket)}, peer_{peer}, gives_up_after_{gives_up_after} {}

    /// Reads what is there (recv(2)). Nothing: not now; errno tells why: EAGAIN (nothing there, or the time is
    /// over) or EINTR. Empty: the end of input. Throws std::system_error where the connection is lost.
    [[nodiscard]] std::optional<std::string_view> read_some(std::span<char> into);

    /// Sends what fits and returns how many bytes that were (send(2)); 0: not now, as above. Throws as above.
    /// Never raises SIGPIPE.
    [[nodiscard]] std::size_t write_some(std::string_view bytes);

    /// Ends our direction; the peer reads the end of input (shutdown(2)). Harmless on a lost connection.
    void shutdown_write();

    /// Waits until a read would not wait, or the time is over, or a signal comes: then false (poll(2)).
    [[nodiscard]] bool is_readable_within(std::chrono::milliseconds time) const;

    /// Waits until the connection is lost, or the time is over, or a signal comes: then false (poll(2)). A peer
    /// that has only ended its output, and may still read, has not hung up.
    [[nodiscard]] bool is_hung_up_within(std::chrono::milliseconds time) const;

    /// Makes each read and write of a blocking socket give up after `limit` (SO_RCVTIMEO, SO_SNDTIMEO).
    void set_timeout(std::chrono::milliseconds limit);

    [[nodiscard]] int descriptor() const { return socket_.get(); }
    [[nodiscard]] const address& peer() const { return peer_; }

    /// Gives the socket away, for a model whose library owns its sockets itself.
    [[nodiscard]] unique_fd release() { return std::move(socket_); }

private:
    unique_fd socket_;
    address peer_;
    std::chrono::milliseconds gives_up_after_;
};

/// Makes each call of a blocking socket give up after `limit` (SO_RCVTIMEO, SO_SNDTIMEO).
void set_timeouts(int socket, std::chrono::milliseconds limit);

} // namespace parley
