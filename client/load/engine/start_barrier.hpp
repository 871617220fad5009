// Start barrier: all threads of a load begin at the moment at which the last one has made its connections.
// Unlike std::latch, threads do not block on it: they poll when(), since they serve their
// connections at the same time.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace parley {

class start_barrier {
public:
    using clock = std::chrono::steady_clock;

    explicit start_barrier(int threads) : missing_{threads} {}

    /// Counts a thread as ready. Each thread calls it once.
    void ready() {
        if (--missing_ == 0) start_ = clock::now().time_since_epoch().count();
    }

    /// Returns the number of threads that are not ready.
    [[nodiscard]] int missing() const { return missing_; }

    /// Returns when the last thread was ready; nullopt if one is missing.
    [[nodiscard]] std::optional<clock::time_point> when() const {
        const auto start = start_.load();
        if (start == 0) return std::nullopt;
        return clock::time_point{clock::duration{start}};
    }

private:
    std::atomic<int> missing_;
    std::atomic<clock::rep> start_ = 0;
};

} // namespace parley
