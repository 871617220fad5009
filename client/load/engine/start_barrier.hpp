// The threads of a load begin it at the same moment, once the last of them has made its connections.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace parley {

class start_barrier {
public:
    using clock = std::chrono::steady_clock;

    explicit start_barrier(int threads) : missing_{threads} {}

    /// To be called once by each thread.
    void ready() {
        if (--missing_ == 0) start_ = clock::now().time_since_epoch().count();
    }

    /// How many are not ready.
    [[nodiscard]] int missing() const { return missing_; }

    /// When the last one was ready; nothing: it is not yet.
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
