#include "server/visit_counter.hpp"

#include "common/session/request_context.hpp"

#include <thread>

namespace parley {

namespace {

std::uint64_t add_one_unlocked(std::atomic<std::uint64_t>& value) {
    const auto before = value.load(std::memory_order_relaxed);
    std::this_thread::yield(); // makes the race of the lesson likely: another worker runs between read and
                               // write
    value.store(before + 1, std::memory_order_relaxed);
    return before + 1;
}

} // namespace

visit_counter::visit_counter(kind chosen, int workers)
    : kind_{chosen},
      shared_{"parley-counter"},
      own_(chosen == kind::own ? static_cast<std::size_t>(workers) : 0) {}

std::uint64_t visit_counter::add_one() {
    switch (kind_) {
    case kind::mutex: return shared_->guarded.with([](std::uint64_t& value) { return ++value; });
    case kind::atomic: return ++shared_->plain;
    case kind::unlocked: return add_one_unlocked(shared_->plain);
    case kind::own: return ++own_.at(static_cast<std::size_t>(this_request().worker) - 1);
    }
    return 0;
}

} // namespace parley
