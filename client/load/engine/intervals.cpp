#include "client/load/engine/intervals.hpp"

#include <algorithm>

namespace parley {

void intervals::deliver(std::size_t number, const interval& part) {
    const std::lock_guard held{lock_};
    auto& here = open_[number];
    here.sum.begin = part.begin;
    here.sum.length = std::max(here.sum.length, part.length);
    here.sum.asked += part.asked;
    here.sum.errors += part.errors;
    here.sum.latency.add(part.latency);
    ++here.parts;
    complete_some();
}

void intervals::leave(std::size_t next) {
    const std::lock_guard held{lock_};
    left_.push_back(next);
    complete_some();
}

int intervals::parts_of(std::size_t number) const {
    const auto without =
        std::count_if(left_.begin(), left_.end(), [&](std::size_t next) { return next <= number; });
    return threads_ - static_cast<int>(without);
}

void intervals::complete_some() {
    while (!open_.empty() && open_.begin()->second.parts == parts_of(open_.begin()->first)) {
        complete_(open_.begin()->second.sum);
        open_.erase(open_.begin());
    }
}

} // namespace parley
