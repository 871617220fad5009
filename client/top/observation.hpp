// Rates of a server, computed from two snapshots of its scoreboard.
#pragma once

#include "common/scoreboard/scoreboard_view.hpp"

#include <chrono>

namespace parley {

/// Per second.
struct rates {
    double connections = 0, requests = 0, bytes_in = 0, bytes_out = 0;
};

class observation {
public:
    /// With one snapshot, the rates are means since the start of the server.
    explicit observation(scoreboard_snapshot first);

    /// Adds a later snapshot of the same server. The rates are now those since the snapshot before.
    void update(scoreboard_snapshot later);

    [[nodiscard]] const scoreboard_snapshot& now() const { return now_; }

    /// Returns the time over which the rates are taken.
    [[nodiscard]] std::chrono::duration<double> span() const { return span_; }
    /// True if the rates are means since the start of the server.
    [[nodiscard]] bool since_beginning() const { return since_beginning_; }

    [[nodiscard]] rates all() const { return between(before_.all, now_.all); }

    /// Returns the rates of a worker of now().
    [[nodiscard]] rates of(const worker_snapshot& worker) const;

    /// Returns the mean number of CPUs that the processes of the server used.
    [[nodiscard]] double processors() const;

private:
    [[nodiscard]] rates between(const tally& before, const tally& now) const;

    scoreboard_snapshot before_; // all zero until the first update()
    scoreboard_snapshot now_;
    std::chrono::duration<double> span_;
    bool since_beginning_ = true;
};

} // namespace parley
