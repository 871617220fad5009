#include "client/load/engine/intervals.hpp"

#include <algorithm>

namespace parley {

void intervals::deliver(std::size_t number, const interval& part) {
    const std::lock_guard lock{mutex_};
    auto& partial = open_[number];
    partial.sum.begin = part.begin;
    partial.sum.length = std::max(partial.sum.length, part.length);
    partial.sum.asked += part.asked;
    partial.sum.errors += part.errors;
    partial.sum.latency.add(part.latency);
    ++partial.parts;
    complete_some();
}

void intervals::leave(std::size_t next) {
    const std::lock_guard lock{mutex_};
    left_.push_back(next);
    complete_some();
}

/// Returns how many threads deliver a part of this interval.
int intervals::parts_of(std::size_t number) const {
    const auto missing =
        std::count_if(left_.begin(), left_.end(), [&](std::size_t next) { return next <= number; });
    return threads_ - static_cast<int>(missing);
}

void intervals::complete_some() {
    while (!open_.empty() && open_.begin()->second.parts == parts_of(open_.begin()->first)) {
        complete_(open_.begin()->second.sum);
        open_.erase(open_.begin());
    }
}

} // namespace parley
