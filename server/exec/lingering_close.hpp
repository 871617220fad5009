// Lingering close of the connections of ended commands: half-close, then discard input until the client closes
// too, for at most connection::linger_time. See there why.
//
// An object of its own, since the model exec has no driver that lingers: the command had the socket.
#pragma once

#include "common/net/connection.hpp"

#include <chrono>
#include <cstdint>
#include <map>

namespace parley {

class lingering_close {
public:
    lingering_close();

    /// Shuts down the output, and keeps the connection until the client closes it or the linger time is over.
    /// If memory is short, it is closed at once.
    void add(connection connection);

    /// Closes the connections that are due.
    void maintain();

    /// Readable when a client has closed or sent something (epoll(7)): then call maintain().
    [[nodiscard]] int descriptor() const { return epoll_.get(); }

    [[nodiscard]] std::size_t count() const { return lingering_.size(); }

private:
    struct entry {
        parley::connection connection;
        std::chrono::steady_clock::time_point deadline;
    };
    using position = std::map<std::uint64_t, entry>::iterator;

    position close(position closing);

    unique_fd epoll_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, entry> lingering_; // by order of arrival, which is the order of the deadlines, too
};

} // namespace parley
