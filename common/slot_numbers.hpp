// Which numbers from 1 to a limit are taken: every worker has one, and with it a slot on the scoreboard.
#pragma once

#include <functional>
#include <queue>
#include <vector>

namespace parley {

class slot_numbers {
public:
    explicit slot_numbers(int limit) : limit_{limit} {}

    [[nodiscard]] bool any_free() const { return taken_ < limit_; }
    [[nodiscard]] int taken() const { return taken_; }

    /// The smallest free number, so that a server with few workers uses few slots. Only if any_free().
    [[nodiscard]] int take() {
        ++taken_;
        if (returned_.empty()) return ++used_;
        const int number = returned_.top();
        returned_.pop();
        return number;
    }

    void give_back(int number) {
        --taken_;
        returned_.push(number);
    }

private:
    int limit_;
    int taken_ = 0;
    int used_ = 0; // all above have never been taken
    std::priority_queue<int, std::vector<int>, std::greater<>> returned_;
};

} // namespace parley
