// Two looks at a server: from what it did meanwhile come the rates.
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
    /// The first look: its rates are the averages since the server began.
    explicit observation(scoreboard_snapshot first);

    /// A later look at the same server: its rates are those since the look before.
    void look_again(scoreboard_snapshot later);

    [[nodiscard]] const scoreboard_snapshot& now() const { return now_; }

    /// What the rates were taken over.
    [[nodiscard]] std::chrono::duration<double> span() const { return span_; }
    [[nodiscard]] bool since_beginning() const { return since_beginning_; }

    [[nodiscard]] rates all() const { return between(before_.all, now_.all); }

    /// Of a worker of now().
    [[nodiscard]] rates of(const worker_snapshot& worker) const;

    /// How many processors its processes kept busy.
    [[nodiscard]] double processors() const;

private:
    [[nodiscard]] rates between(const tally& before, const tally& now) const;

    scoreboard_snapshot before_; // all zero as long as there was none
    scoreboard_snapshot now_;
    std::chrono::duration<double> span_;
    bool since_beginning_ = true;
};

} // namespace parley
