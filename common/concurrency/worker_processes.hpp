// A pool of worker processes. Dead workers are restarted, with back-off if they die early. If min_spare is set,
// the pool grows when few workers are idle and shrinks when many are, as Apache's with MinSpareServers and
// MaxSpareServers.
#pragma once

#include "common/concurrency/child_processes.hpp"
#include "common/concurrency/restart_policy.hpp"
#include "common/process/ready_report.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <functional>
#include <vector>

namespace parley {

struct pool_size {
    int workers;              // at the start, and at least
    int max_workers;          // at most
    int min_spare = 0;        // the pool grows if fewer workers are idle; 0: its size is fixed
    int max_spare = 0;        // it shrinks if more workers are idle
    int slots_per_worker = 1; // of the scoreboard: the threads of a worker
};

class worker_processes {
public:
    /// Each worker calls `work(number)`. When that returns, or the process dies, maintain() may replace the
    /// worker. It also collects what the workers report to `ready`.
    worker_processes(pool_size size, scoreboard& board, ready_report& ready, std::function<void(int)> work);

    /// Reaps, replaces, adds and retires workers as needed. Calls `on_exit(number)` for each worker that has
    /// exited. Throws std::runtime_error if all workers fail at their start.
    void maintain(const std::function<void(int)>& on_exit = [](int) {});

    /// True if the worker runs and has not been told to exit.
    [[nodiscard]] bool is_serving(int number) const {
        return children_.is_running(number) && !is_retired_[static_cast<std::size_t>(number)];
    }

    /// Returns a descriptor that is readable if a worker may have exited: then call maintain().
    [[nodiscard]] int descriptor() const { return children_.descriptor(); }

    /// Returns the time until maintain() must be called again, or nullopt if only the descriptor matters.
    [[nodiscard]] std::optional<std::chrono::milliseconds> maintain_again_after() const;

    /// Maintains the pool until a stop is requested; then stops the workers.
    void run();

    /// Stops the workers, see child_processes::stop().
    void stop() { children_.stop(); }

private:
    void resize();

    pool_size size_;
    scoreboard& board_;
    ready_report& ready_;
    std::function<void(int)> work_;
    child_processes children_;
    restart_policy restarts_;
    std::vector<bool> is_retired_; // by number
    int target_size_;
    int growth_ = 1; // workers to add next; doubled while idle workers are still too few, as in Apache
    std::chrono::steady_clock::time_point resize_at_{};
};

} // namespace parley
