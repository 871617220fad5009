// Intervals of equal length, for the live view, the CSV table and the histogram log. The collector adds up the
// parts of all threads, and keeps only the intervals that are not yet complete.
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace parley {

struct interval {
    std::chrono::nanoseconds begin{}; // since the end of the warm-up
    std::chrono::nanoseconds length{};
    std::uint64_t asked = 0; // requests sent in it
    std::uint64_t errors = 0;
    histogram latency; // of the replies that arrived in it
};

/// Thread-safe.
class intervals {
public:
    using take = std::function<void(const interval& complete)>;

    /// `complete` receives each interval once all threads have delivered their parts: in order, one at a time.
    intervals(int threads, std::chrono::milliseconds length, take complete)
        : threads_{threads}, length_{length}, complete_{std::move(complete)} {}

    [[nodiscard]] std::chrono::milliseconds length() const { return length_; }

    /// Adds a thread's part of interval `number`, from 0. Each thread delivers all numbers, in order.
    void deliver(std::size_t number, const interval& part);

    /// Tells that a thread has delivered all numbers below `next`, and delivers no more.
    void leave(std::size_t next);

private:
    struct partial_sum {
        interval sum;
        int parts = 0;
    };

    void complete_some();

    [[nodiscard]] int parts_of(std::size_t number) const;

    int threads_;
    std::vector<std::size_t>
        left_; // per thread that delivers no more: the first number that it did not deliver
    std::chrono::milliseconds length_;
    take complete_;
    std::mutex mutex_;
    std::map<std::size_t, partial_sum> open_;
};

} // namespace parley
