#include "common/concurrency/process_pool.hpp"

#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>

namespace parley {

namespace {
constexpr std::chrono::milliseconds resize_interval{250};
constexpr int most_growth = 32;
} // namespace

process_pool::process_pool(pool_size size, scoreboard& board, ready_report& ready,
                           std::function<void(int)> work)
    : size_{size},
      board_{board},
      ready_{ready},
      work_{std::move(work)},
      children_{size.max_workers},
      is_retired_(static_cast<std::size_t>(size.max_workers) + 1),
      wanted_{size.workers} {}

void process_pool::maintain(const std::function<void(int)>& ended) {
    ready_.collect();
    while (const auto child = children_.reap()) {
        board_.clear((child->number - 1) * size_.slots_per_worker + 1, size_.slots_per_worker);
        is_retired_[static_cast<std::size_t>(child->number)] = false;
        ended(child->number);
        restarts_.ended(*child);
    }
    if (size_.min_spare > 0 && std::chrono::steady_clock::now() >= resize_at_) resize();
    while (children_.count() < wanted_ && !restarts_.backoff_left())
        if (!children_.start(work_)) restarts_.failed_to_start(errno);
}

void process_pool::resize() {
    resize_at_ = std::chrono::steady_clock::now() + resize_interval;
    int idle = 0, last_idle = 0;
    for (int number = 1; number <= size_.max_workers; ++number)
        if (board_.slot_of(number).now.get() == activity::waiting) {
            ++idle;
            // The first ones stay: with --accept reuseport each of them has a queue of its own to serve.
            if (number > size_.workers) last_idle = number;
        }

    if (idle < size_.min_spare && wanted_ < size_.max_workers) {
        wanted_ = std::min(wanted_ + growth_, size_.max_workers);
        growth_ = std::min(growth_ * 2, most_growth);
        log::debug("{} idle workers are too few: now {} workers", idle, wanted_);
        return;
    }
    growth_ = 1;
    if (idle > size_.max_spare && last_idle > 0 && wanted_ > size_.workers && children_.count() == wanted_) {
        --wanted_;
        is_retired_[static_cast<std::size_t>(last_idle)] = true;
        children_.terminate(last_idle);
        log::debug("{} idle workers are too many: now {} workers", idle, wanted_);
    }
}

std::optional<std::chrono::milliseconds> process_pool::maintain_again_after() const {
    const auto restart = children_.count() < wanted_ ? restarts_.backoff_left() : std::nullopt;
    if (size_.min_spare == 0) return restart;
    return restart ? std::min(*restart, resize_interval) : resize_interval;
}

void process_pool::run() {
    do maintain();
    while (stop_signal::wait_readable({descriptor(), ready_.descriptor()}, maintain_again_after()));
    stop();
}

} // namespace parley
