// The ring of slots. The release stores keep the order in which a killed process has changed it.
#include "common/multiprocessing/shared_queue.hpp"

#include <cstring>
#include <mutex>
#include <stdexcept>

namespace parley {

namespace {

using item_length = std::uint32_t;

/// Calls `attempt()` until it returns a status, or the deadline has passed. Waits for `event` between attempts.
template <class Attempt>
std::optional<queue_status> repeat_until_done(shared_event& event, shared_byte_queue::time_limit limit,
                                              Attempt attempt) {
    std::optional<shared_event::time_point> deadline;
    if (limit) deadline = std::chrono::steady_clock::now() + *limit;
    for (bool has_time = true;;) {
        const auto seen = event.count(); // before the attempt, so that no notification after it is missed
        if (const auto status = attempt()) return status;
        if (!has_time) return std::nullopt;
        has_time = event.wait(seen, deadline);
    }
}

std::size_t require_positive(std::size_t limit, const char* name) {
    if (limit == 0) throw std::invalid_argument(std::string{name} + " of a queue must be at least 1");
    return limit;
}

} // namespace

shared_byte_queue::shared_byte_queue(std::size_t max_items, std::size_t max_item_size)
    : max_items_{require_positive(max_items, "the number of items")},
      max_item_size_{require_positive(max_item_size, "the size of an item")},
      ring_{"parley-queue"},
      slots_{"parley-queue-slots", max_items * (sizeof(item_length) + max_item_size)} {}

char* shared_byte_queue::slot(std::uint64_t number) {
    return &slots_[number % max_items_ * (sizeof(item_length) + max_item_size_)];
}

queue_status shared_byte_queue::put(std::string_view item, time_limit limit) {
    if (item.size() > max_item_size_)
        throw std::length_error("an item of " + std::to_string(item.size()) +
                                " bytes is too large for the queue: at most " + std::to_string(max_item_size_) +
                                "; make the queue with larger slots");
    const auto status = repeat_until_done(ring_->room, limit, [&]() -> std::optional<queue_status> {
        const std::lock_guard lock{ring_->mutex};
        if (ring_->is_closed) return queue_status::closed;
        const auto tail = ring_->tail.load();
        if (tail - ring_->head.load() == max_items_) return std::nullopt;
        const auto length = static_cast<item_length>(item.size());
        std::memcpy(slot(tail), &length, sizeof length);
        std::memcpy(slot(tail) + sizeof length, item.data(), item.size());
        ring_->tail.store(tail + 1, std::memory_order_release);
        return queue_status::ok;
    });
    if (status == queue_status::ok) ring_->filled.notify_one();
    return status.value_or(queue_status::full);
}

queue_status shared_byte_queue::get(std::string& item, time_limit limit) {
    const auto status = repeat_until_done(ring_->filled, limit, [&]() -> std::optional<queue_status> {
        const std::lock_guard lock{ring_->mutex};
        const auto head = ring_->head.load();
        if (head == ring_->tail.load())
            return ring_->is_closed ? std::optional{queue_status::closed} : std::nullopt;
        item_length length = 0;
        std::memcpy(&length, slot(head), sizeof length);
        item.assign(slot(head) + sizeof length, length);
        ring_->head.store(head + 1, std::memory_order_release);
        return queue_status::ok;
    });
    if (status == queue_status::ok) ring_->room.notify_one();
    return status.value_or(queue_status::empty);
}

void shared_byte_queue::close() {
    {
        const std::lock_guard lock{ring_->mutex};
        ring_->is_closed = true;
    }
    ring_->filled.notify_all();
    ring_->room.notify_all();
}

std::size_t shared_byte_queue::size() {
    const std::lock_guard lock{ring_->mutex};
    return static_cast<std::size_t>(ring_->tail - ring_->head);
}

} // namespace parley
