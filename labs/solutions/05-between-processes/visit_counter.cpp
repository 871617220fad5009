// The counter of visits. Its memory is shared by all processes that are forked later; see mmap(2), MAP_SHARED.
#include "visit_counter.hpp"

#include "common/multiprocessing/shared_value.hpp"

#include <thread>

struct visit_counter::content {
    std::uint64_t plain = 0;
    // Its mutex is shared and robust (pthread_mutexattr_setrobust(3)): a process that is killed with the lock
    // held does not stop the others.
    parley::shared_value<std::uint64_t> shared;
};

visit_counter::visit_counter(counter_way way) : way_{way}, content_{std::make_unique<content>()} {}
visit_counter::~visit_counter() = default;

std::uint64_t visit_counter::add_one() {
    auto& shared = content_->shared;
    switch (way_) {
    case counter_way::plain: return ++content_->plain; // in the copy of this process
    case counter_way::unlocked: {
        // Another process may store between these two lines. Then its update is lost.
        const auto value = shared.load() + 1;
        shared.store(value);
        return value;
    }
    case counter_way::locked: return shared.with([](auto& value) { return ++value; });
    }
    return 0;
}

void visit_counter::hold(std::chrono::milliseconds time) {
    content_->shared.with([&](auto&) { std::this_thread::sleep_for(time); });
}
