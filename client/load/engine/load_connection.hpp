// State of one concurrent connection of the load: connecting, handshaking, in session, or down until a retry.
#pragma once

#include "client/conversation/client_connection.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

namespace parley {

struct load_connection {
    using clock = run_stats::clock;

    // Back-off after a failure: doubled up to the longest pause, so that a server that is down is not flooded
    // with attempts, and one that comes up again is found within a second.
    static constexpr std::chrono::milliseconds shortest_pause{50};
    static constexpr std::chrono::milliseconds longest_pause{1'000};

    std::size_t target = 0;          // index of the target address that it tries
    std::size_t targets_tried = 0;   // failed attempts since the last connection
    unique_fd socket;                // while it connects or handshakes; then the session owns it
    std::unique_ptr<tls_stream> tls; // while it handshakes
    clock::time_point since{};       // start of the attempt; while it is down: time of the next attempt
    clock::time_point handshake_since{};
    std::optional<client_connection> client;
    std::uint32_t interest = 0;                                      // events registered with epoll
    std::uint64_t quota = std::numeric_limits<std::uint64_t>::max(); // requests that it may still begin
    std::chrono::milliseconds pause = shortest_pause;
    std::optional<clock::time_point> trying_since; // first attempt to connect, until one ends
    std::optional<clock::time_point> lost_at;      // when the connection failed, until there is another
    bool waits_for_slot = false;
    bool is_enqueued = false;   // in the queue of waiting connections, even if it no longer waits
    bool was_attempted = false; // the first attempt to connect has succeeded or failed
    bool has_requested = false;
    bool has_reply = false;
    std::uint64_t replies_before = 0;    // replies on its earlier connections
    std::uint64_t replies_uncounted = 0; // replies before the counted time

    [[nodiscard]] int descriptor() { return client ? client->descriptor() : socket.get(); }
    [[nodiscard]] bool is_up() const { return socket || client; }

    /// Returns the number of replies on all its connections so far.
    [[nodiscard]] std::uint64_t replies() {
        return replies_before + (client ? client->session().replies() : 0);
    }

    /// Returns the number of requests in flight.
    [[nodiscard]] std::uint64_t unanswered() {
        return client ? client->session().asked() - client->session().replies() : 0;
    }

    void note_progress() {
        if (!client) return;
        has_requested |= client->session().asked() > 0;
        has_reply |= client->session().replies() > 0;
    }
};

} // namespace parley
