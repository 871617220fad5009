// A load cut into intervals of equal length, for whoever wants to see it go on: the live view, a row of CSV, a
// line of the histogram log. The threads' parts are put together; only what is not yet complete is kept.
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
    std::chrono::nanoseconds begin{}; // since the warm-up was over
    std::chrono::nanoseconds length{};
    std::uint64_t asked = 0;
    std::uint64_t errors = 0;
    histogram latency; // of the answers that came in it
};

class intervals {
public:
    using take = std::function<void(const interval& complete)>;

    /// `take` gets each interval once all threads have delivered their part, in their order, one at a time.
    intervals(int threads, std::chrono::milliseconds length, take complete)
        : threads_{threads}, length_{length}, complete_{std::move(complete)} {}

    [[nodiscard]] std::chrono::milliseconds length() const { return length_; }

    /// A thread's part of the interval with that number, from 0. Any thread may call it; each delivers all
    /// numbers, in order.
    void deliver(std::size_t number, const interval& part);

    /// A thread that has delivered all numbers below `next` delivers no more.
    void leave(std::size_t next);

private:
    struct collected {
        interval sum;
        int parts = 0;
    };

    void complete_some();

    [[nodiscard]] int parts_of(std::size_t number) const;

    int threads_;
    std::vector<std::size_t> left_; // of the threads that deliver no more: the number that they did not reach
    std::chrono::milliseconds length_;
    take complete_;
    std::mutex lock_;
    std::map<std::size_t, collected> open_;
};

} // namespace parley
