// Which numbers from 1 to a limit are taken: every worker has one, and with it a slot on the scoreboard.
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

    /// No higher number was ever taken.
    [[nodiscard]] int highest() const { return used_; }

    /// The smallest free number, so that a server with few workers uses few slots. Only if has_free().
    [[nodiscard]] int take() {
        if (returned_.empty()) {
            if (returned_.capacity() == static_cast<std::size_t>(used_))
                returned_.reserve(2 * returned_.capacity() + 8);
            ++taken_;
            return ++used_;
        }
        ++taken_;
        std::ranges::pop_heap(returned_, std::greater{});
        const int number = returned_.back();
        returned_.pop_back();
        return number;
    }

    void give_back(int number) noexcept {
        --taken_;
        returned_.push_back(number);
        std::ranges::push_heap(returned_, std::greater{});
    }

private:
    int limit_;
    int taken_ = 0;
    int used_ = 0;              // all above have never been taken
    std::vector<int> returned_; // a heap with room for all that are used: to give back cannot fail
};

} // namespace parley
