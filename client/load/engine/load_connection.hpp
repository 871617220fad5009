// One of the connections at a time, as its engine sees it: it connects, talks, and comes again.
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

    static constexpr std::chrono::milliseconds shortest_pause{50}; // after a failure; then doubled
    static constexpr std::chrono::milliseconds longest_pause{1'000};

    std::size_t target = 0;        // which of the target's addresses it tries
    std::size_t targets_tried = 0; // in vain, since it had a connection
    unique_fd socket;              // while it connects, or shakes hands
    std::unique_ptr<tls_wire> tls; // while it shakes hands
    clock::time_point since{};     // when it began to connect; while it is down: when it may again
    clock::time_point handshake_since{};
    std::optional<client_connection> talking;
    std::uint32_t interest = 0;                                      // the events that epoll watches for
    std::uint64_t quota = std::numeric_limits<std::uint64_t>::max(); // requests that it may still begin
    std::chrono::milliseconds pause = shortest_pause;
    std::optional<clock::time_point> trying_since; // its first attempt to connect, until one ends
    std::optional<clock::time_point> lost;         // when its connection failed, until it has another
    bool waits_for_slot = false;
    bool is_in_line = false; // of those who wait for their turn; it may have left meanwhile
    bool tried = false;      // its first attempt to connect has succeeded or failed
    bool ever_asked = false;
    bool ever_answered = false;
    std::uint64_t answers_before = 0;    // to its connections before this one
    std::uint64_t answers_uncounted = 0; // before the counting began

    [[nodiscard]] int descriptor() { return talking ? talking->descriptor() : socket.get(); }
    [[nodiscard]] bool is_up() const { return socket || talking; }
    [[nodiscard]] std::uint64_t answers() {
        return answers_before + (talking ? talking->session().answers() : 0);
    }
    [[nodiscard]] std::uint64_t unanswered() {
        return talking ? talking->session().asked() - talking->session().answers() : 0;
    }
    void note_progress() {
        if (!talking) return;
        ever_asked |= talking->session().asked() > 0;
        ever_answered |= talking->session().answers() > 0;
    }
};

} // namespace parley
