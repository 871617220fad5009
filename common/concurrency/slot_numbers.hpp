// Allocates numbers from 1 to a limit. Every worker has one, and with it a slot of the scoreboard.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

namespace parley {

class slot_numbers {
public:
    explicit slot_numbers(int limit) : limit_{limit} {}

    [[nodiscard]] bool has_free() const { return taken_ < limit_; }
    [[nodiscard]] int taken() const { return taken_; }

    /// Returns the highest number that was ever taken.
    [[nodiscard]] int highest() const { return highest_; }

    /// Takes the smallest free number, so that a server with few workers uses few slots. Only if has_free().
    [[nodiscard]] int take() {
        if (released_.empty()) {
            if (released_.capacity() == static_cast<std::size_t>(highest_))
                released_.reserve(2 * released_.capacity() + 8);
            ++taken_;
            return ++highest_;
        }
        ++taken_;
        std::ranges::pop_heap(released_, std::greater{});
        const int number = released_.back();
        released_.pop_back();
        return number;
    }

    void release(int number) noexcept {
        --taken_;
        released_.push_back(number);
        std::ranges::push_heap(released_, std::greater{});
    }

private:
    int limit_;
    int taken_ = 0;
    int highest_ = 0;
    std::vector<int>
        released_; // a min-heap, with reserved room for all numbers taken so far: release() cannot fail
};

} // namespace parley
