// Replaces dead workers, and adapts the size of the pool to the number of idle workers.
#include "common/concurrency/worker_processes.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>

namespace parley {

namespace {
/// How often the idle workers are counted. Apache does so every second; four times a second follows a burst of
/// clients sooner, and counting costs microseconds.
constexpr std::chrono::milliseconds resize_interval{250};

/// The most workers that are added at once, as in Apache (MAX_SPAWN_RATE).
constexpr int max_growth = 32;
} // namespace

worker_processes::worker_processes(pool_size size, scoreboard& board, ready_report& ready,
                                   std::function<void(int)> work)
    : size_{size},
      board_{board},
      ready_{ready},
      work_{std::move(work)},
      children_{size.max_workers},
      is_retired_(static_cast<std::size_t>(size.max_workers) + 1),
      target_size_{size.workers} {}

void worker_processes::maintain(const std::function<void(int)>& on_exit) {
    ready_.collect();
    while (const auto child = children_.reap()) {
        board_.clear((child->number - 1) * size_.slots_per_worker + 1, size_.slots_per_worker);
        is_retired_[static_cast<std::size_t>(child->number)] = false;
        on_exit(child->number);
        restarts_.record_exit(*child);
    }
    if (size_.min_spare > 0 && std::chrono::steady_clock::now() >= resize_at_) resize();
    while (children_.count() < target_size_ && !restarts_.backoff_left())
        if (!children_.start(work_)) restarts_.record_start_failure(errno);
}

void worker_processes::resize() {
    resize_at_ = std::chrono::steady_clock::now() + resize_interval;
    int idle = 0, last_idle = 0; // last_idle: the highest number of an idle worker that may be retired
    for (int number = 1; number <= size_.max_workers; ++number)
        if (board_.slot_of(number).now.get() == activity::waiting) {
            ++idle;
            // The initial workers stay: with --accept reuseport each of them serves its own queue.
            if (number > size_.workers) last_idle = number;
        }

    if (idle < size_.min_spare && target_size_ < size_.max_workers) {
        target_size_ = std::min(target_size_ + growth_, size_.max_workers);
        growth_ = std::min(growth_ * 2, max_growth);
        log::debug("{} idle workers are too few: now {} workers", idle, target_size_);
        return;
    }
    growth_ = 1;
    if (idle > size_.max_spare && last_idle > 0 && target_size_ > size_.workers &&
        children_.count() == target_size_) {
        --target_size_;
        is_retired_[static_cast<std::size_t>(last_idle)] = true;
        children_.terminate(last_idle);
        log::debug("{} idle workers are too many: now {} workers", idle, target_size_);
    }
}

std::optional<std::chrono::milliseconds> worker_processes::maintain_again_after() const {
    const auto restart = children_.count() < target_size_ ? restarts_.backoff_left() : std::nullopt;
    if (size_.min_spare == 0) return restart;
    return restart ? std::min(*restart, resize_interval) : resize_interval;
}

void worker_processes::run() {
    do maintain();
    while (stop_signal::wait_readable({descriptor(), ready_.descriptor()}, maintain_again_after()));
    stop();
}

} // namespace parley
