// A pool of worker processes that keeps its size: one that dies is replaced, with patience where they die at
// once; and, where it is allowed to, grows when few are idle and shrinks when many are (Apache's
// MinSpareServers and MaxSpareServers).
#pragma once

#include "common/concurrency/child_processes.hpp"
#include "common/concurrency/restart_policy.hpp"
#include "common/process/ready_report.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <functional>
#include <vector>

namespace parley {

struct pool_size {
    int workers;              // at the beginning, and always at least
    int max_workers;          // never more
    int min_spare = 0;        // fewer idle ones: it grows; 0: it keeps its size
    int max_spare = 0;        // more idle ones: it shrinks
    int slots_per_worker = 1; // on the scoreboard: the threads of a worker
};

class process_pool {
public:
    /// Each worker calls `work(number)`; when that returns, or the process dies, it may be replaced. What the
    /// workers report to `ready` is passed on by tend().
    process_pool(pool_size size, scoreboard& board, ready_report& ready, std::function<void(int)> work);

    /// Replaces, adds and retires workers as is due; `ended` is told of each that has ended. Throws
    /// std::runtime_error where all die at once.
    void maintain(const std::function<void(int)>& ended = [](int) {});

    /// True if the worker of that number runs, and is not to leave.
    [[nodiscard]] bool is_serving(int number) const {
        return children_.is_running(number) && !is_retired_[static_cast<std::size_t>(number)];
    }

    /// Readable when a worker may have ended: then tend().
    [[nodiscard]] int descriptor() const { return children_.descriptor(); }

    /// When to tend() at the latest. Nothing: when the descriptor says so.
    [[nodiscard]] std::optional<std::chrono::milliseconds> maintain_again_after() const;

    /// Tends until a stop is requested; then ends the workers.
    void run();

    /// Ends the workers: see child_processes::stop().
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
    int wanted_;
    int growth_ = 1; // doubled as long as it is not enough, as Apache does
    std::chrono::steady_clock::time_point resize_at_{};
};

} // namespace parley
