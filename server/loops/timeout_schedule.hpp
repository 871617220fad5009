// When an event loop checks its connections for timeouts: periodically, instead of one timer per connection,
// which would be moved at each request. The price is precision: a timeout is noticed up to interval() late.
#pragma once

#include "common/net/connection.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>
#include <chrono>

namespace parley {

class timeout_schedule {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// `idle_timeout`: 0 if there is none.
    explicit timeout_schedule(std::chrono::milliseconds idle_timeout) : idle_timeout_{idle_timeout} {}

    /// The time between two checks. A quarter of the idle timeout, so that it is exceeded by a quarter at most;
    /// no longer than the linger time, which is checked as well. After a shutdown request all connections are
    /// about to end: then each wake-up checks.
    [[nodiscard]] std::chrono::milliseconds interval() const {
        if (stop_signal::is_requested()) return stop_signal::wake_interval;
        if (idle_timeout_.count() == 0) return connection::linger_time;
        return std::min(idle_timeout_ / 4 + std::chrono::milliseconds{1}, connection::linger_time);
    }

    /// True if a check is due at `now`; the next one is due an interval later.
    [[nodiscard]] bool is_due(time_point now) {
        if (now < next_ && !stop_signal::is_requested()) return false;
        next_ = now + interval();
        return true;
    }

    /// When the next check is due.
    [[nodiscard]] time_point next() const { return next_; }

private:
    std::chrono::milliseconds idle_timeout_;
    time_point next_{};
};

} // namespace parley
