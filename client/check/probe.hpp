// One client of a check: a blocking conversation with time limits. Each step goes to the time line of the
// examination. What comes instead of what was expected ends the check.
#pragma once

#include "common/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

class examination;

class probe {
public:
    /// Connects. Ends the check if that fails. `receive_buffer` is SO_RCVBUF, for clients that read slowly.
    explicit probe(examination& examination, int receive_buffer = 0);
    probe(probe&&) noexcept = default;

    /// Sends all bytes. Ends the check if the server does not take them, or has closed.
    void send(std::string_view bytes);

    /// Sends what the server takes within `limit`, and returns how much that was. A closed connection takes
    /// nothing.
    std::size_t send_some(std::string_view bytes, std::chrono::milliseconds limit);

    /// Sends each piece when the one before has been acknowledged, so that the server reads them separately if
    /// it reads at once.
    void send_in_pieces(std::string_view bytes, std::size_t piece);

    /// Receives exactly these bytes. Ends the check with the difference otherwise.
    void expect(std::string_view bytes);

    /// Receives a line and returns it without its newline.
    std::string receive_line();

    /// Receives what comes, at most `size` bytes, within the limit. An empty text: the end of input. Nullopt:
    /// nothing came.
    std::optional<std::string> receive_some(std::size_t size, std::chrono::milliseconds limit);

    /// Receives all until the end of input.
    std::string receive_all();

    /// Ends the check unless the server closes the connection now, without more bytes.
    void expect_end();

    /// True if a byte or the end of input can be received now.
    [[nodiscard]] bool has_input() const;

    /// True if the server has closed or reset the connection.
    [[nodiscard]] bool is_closed_within(std::chrono::milliseconds limit);

    /// Ends the input of the server, which can still reply.
    void shutdown_write();

    /// Closes with a reset: SO_LINGER with 0 (socket(7)).
    void reset();
    void close();

    /// Returns the port of this side.
    [[nodiscard]] int local_port() const;
    [[nodiscard]] int descriptor() const { return socket_.get(); }

private:
    void wait_for(short events, const char* purpose);
    void receive_more(const char* purpose);

    examination* examination_;
    unique_fd socket_;
    std::string unread_;
    bool has_ended_ = false; // end of input was received
};

} // namespace parley
