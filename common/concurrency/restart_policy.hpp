// When a dead worker process is replaced: at once, but with exponential back-off if workers die early. After
// ten early deaths in a row the server ends with an error, since no worker can run.
#pragma once

#include "common/concurrency/child_processes.hpp"
#include "common/log.hpp"

#include <chrono>
#include <optional>

namespace parley {

class restart_policy {
public:
    /// Records that a worker has exited, and logs it if it failed. Throws std::runtime_error after
    /// max_early_exits early failures in a row.
    void record_exit(const child_processes::exited_child& child);

    /// Records that fork(2) has failed with this errno. The next attempt follows after first_backoff.
    void record_start_failure(int error);

    /// Returns how long no worker may be started, or nullopt if one may be started now.
    [[nodiscard]] std::optional<std::chrono::milliseconds> backoff_left() const;

    /// Early failures in a row until the server gives up: about 6 seconds with the back-off below.
    static constexpr int max_early_exits = 10;

    /// A worker that fails sooner than this has probably failed at its start, and would fail again. Also the
    /// longest back-off.
    static constexpr std::chrono::milliseconds early{1000};

    static constexpr std::chrono::milliseconds first_backoff{50}; // doubled with each early failure

private:
    int early_exits_ = 0;
    std::chrono::steady_clock::time_point backoff_until_{};
    once_a_second may_log_;
};

} // namespace parley
