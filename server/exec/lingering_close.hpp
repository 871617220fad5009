// Connections to which everything has been said. To close one with unread input sends a reset, which may
// overtake the last reply: so its client may end first, while what it still sends is read and dropped.
#pragma once

#include "common/net/connection.hpp"

#include <chrono>
#include <cstdint>
#include <map>

namespace parley {

class lingering_close {
public:
    lingering_close();

    /// Ends our output, and keeps the connection until its client has ended, too, but no longer than a second;
    /// where memory is short, not even that long.
    void add(connection connection);

    /// Closes those that are due.
    void maintain();

    /// Readable when a client has ended, or has sent something (epoll(7)): then tend().
    [[nodiscard]] int descriptor() const { return epoll_.get(); }

    [[nodiscard]] std::size_t count() const { return leaving_.size(); }

private:
    struct leaving {
        parley::connection connection;
        std::chrono::steady_clock::time_point deadline;
    };
    using position = std::map<std::uint64_t, leaving>::iterator;

    position close(position each);

    unique_fd epoll_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, leaving> leaving_; // in the order of their deadlines
};

} // namespace parley
