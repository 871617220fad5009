// Bounded blocking queue between processes, as Python's multiprocessing.Queue: a ring of slots in shared
// memory, with a robust mutex. Any number of processes may put and get. Make the queue, then fork.
//
// A process may be killed at any moment, also with SIGKILL while it holds the lock. The others continue, and at
// most the item is lost that it was moving. For an item is in the queue from one single store on (of `tail`),
// and out of it from another one on (of `head`); so the ring is consistent at every moment.
#pragma once

#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"
#include "common/multiprocessing/message.hpp"
#include "common/multiprocessing/shared_event.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

enum class queue_status {
    ok,
    full,  // no room within the time limit
    empty, // no item within the time limit
    closed // put: no more items are taken; get: and none is left
};

/// The queue of bytes below the typed one. A time limit of nullopt waits for ever.
class shared_byte_queue {
public:
    using time_limit = std::optional<std::chrono::milliseconds>;

    /// Throws std::invalid_argument if a limit is 0, std::system_error if there is no memory.
    shared_byte_queue(std::size_t max_items, std::size_t max_item_size);

    /// Throws std::length_error if the item is larger than max_item_size.
    [[nodiscard]] queue_status put(std::string_view item, time_limit limit);
    [[nodiscard]] queue_status get(std::string& item, time_limit limit);
    void close();
    [[nodiscard]] std::size_t size();

private:
    struct ring {
        shared_mutex mutex;
        std::atomic<std::uint64_t> head{0}; // number of items that were removed; changed under the lock
        std::atomic<std::uint64_t> tail{0}; // number of items that were added
        std::atomic<bool> is_closed{false};
        shared_event filled, room;
    };

    [[nodiscard]] char* slot(std::uint64_t number);

    std::size_t max_items_;
    std::size_t max_item_size_;
    shared_memory<ring> ring_;
    shared_memory<char> slots_; // each begins with the length of the item
};

/// The result of get(). There is a value only if the status is `ok`.
template <class Item>
struct queue_item {
    queue_status status = queue_status::empty;
    std::optional<Item> value;
};

template <class Item>
class shared_queue {
public:
    /// The default of the size of an item as CBOR, in bytes.
    static constexpr std::size_t default_item_size = 1000;

    /// Makes a queue for at most `max_items`, each of at most `max_item_size` bytes as CBOR. Slots that are
    /// never used take no memory. Throws std::invalid_argument if a limit is 0.
    explicit shared_queue(std::size_t max_items, std::size_t max_item_size = default_item_size)
        : queue_{max_items, max_item_size} {}

    /// Waits for room and adds the item. Returns ok or closed. Throws std::length_error if the item is too
    /// large.
    queue_status put(const Item& item) { return queue_.put(to_bytes(item), std::nullopt); }

    /// Waits at most for `limit`. Returns ok, full or closed.
    [[nodiscard]] queue_status put(const Item& item, std::chrono::milliseconds limit) {
        return queue_.put(to_bytes(item), limit);
    }
    [[nodiscard]] queue_status try_put(const Item& item) { return put(item, std::chrono::milliseconds{0}); }

    /// Waits for the oldest item and removes it. Returns ok, or closed if the queue is closed and empty.
    queue_item<Item> get() { return get_within(std::nullopt); }

    /// Waits at most for `limit`. Returns ok, empty or closed.
    [[nodiscard]] queue_item<Item> get(std::chrono::milliseconds limit) { return get_within(limit); }
    [[nodiscard]] queue_item<Item> try_get() { return get(std::chrono::milliseconds{0}); }

    /// Refuses further items in all processes. The items in the queue can still be removed.
    void close() { queue_.close(); }

    /// Returns the number of items at this moment; other processes may change it at once.
    [[nodiscard]] std::size_t size() { return queue_.size(); }

private:
    queue_item<Item> get_within(shared_byte_queue::time_limit limit) {
        std::string bytes;
        const auto status = queue_.get(bytes, limit);
        if (status != queue_status::ok) return {status, std::nullopt};
        return {status, from_bytes<Item>(bytes)};
    }

    shared_byte_queue queue_;
};

} // namespace parley
