// Values in shared memory with their lock, as Python's multiprocessing.Value and Array. Make them, then fork.
// Every access is possible without the lock, too, which is the lesson: two processes that both read, add and
// write lose updates. That is wrong, but well defined: each single load and store is atomic.
#pragma once

#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>

namespace parley {

/// A value that processes share without a lock (relaxed atomic). `cell += 1` is a load and a store, between
/// which another process may store; then one of the two updates is lost.
template <class Value>
class shared_cell {
    static_assert(
        std::atomic<Value>::is_always_lock_free,
        "only numbers and other values of at most 8 bytes are loaded and stored as a whole; for larger "
        "ones use locked<Value> in shared_memory");

public:
    [[nodiscard]] Value load() const { return value_.load(std::memory_order_relaxed); }
    void store(Value value) { value_.store(value, std::memory_order_relaxed); }

    operator Value() const { return load(); }
    shared_cell& operator=(Value value) {
        store(value);
        return *this;
    }
    shared_cell& operator+=(Value value) {
        store(load() + value);
        return *this;
    }

private:
    std::atomic<Value> value_{};
};

template <class Value>
class shared_value {
public:
    /// Throws std::system_error if there is no memory.
    explicit shared_value(Value initial = {}) { memory_->cell.store(initial); }

    /// Calls `use(value)` under the lock, where `use` may change the value, and returns its result. If the
    /// process is killed meanwhile, the value is the old one or the new one.
    template <class Use>
    auto with(Use use) {
        const std::lock_guard lock{memory_->mutex};
        struct write_back {
            shared_cell<Value>& cell;
            Value value;
            ~write_back() { cell.store(value); }
        } copy{memory_->cell, memory_->cell.load()};
        return use(copy.value);
    }

    /// Returns the lock, for std::lock_guard around load() and store(). It is not recursive: with() would wait
    /// for ever under it.
    [[nodiscard]] shared_mutex& get_lock() { return memory_->mutex; }

    /// Access without the lock.
    [[nodiscard]] Value load() { return memory_->cell.load(); }
    void store(Value value) { memory_->cell.store(value); }

private:
    struct content {
        shared_mutex mutex;
        shared_cell<Value> cell;
    };
    shared_memory<content> memory_{"parley-value"};
};

template <class Value>
class shared_array {
public:
    /// Makes `size` zeros. Throws std::invalid_argument if the size is 0, std::system_error if there is no
    /// memory.
    explicit shared_array(std::size_t size) : cells_{"parley-array", checked(size)} {}

    /// Calls `use(cells)` with a std::span of all cells under the lock, and returns its result.
    template <class Use>
    auto with(Use use) {
        const std::lock_guard lock{*mutex_};
        return use(std::span{&cells_[0], cells_.size()});
    }

    /// As shared_value::get_lock().
    [[nodiscard]] shared_mutex& get_lock() { return *mutex_; }

    /// Returns a cell, for access without the lock. Throws std::out_of_range.
    [[nodiscard]] shared_cell<Value>& at(std::size_t index) {
        if (index >= size())
            throw std::out_of_range("index " + std::to_string(index) + " in a shared array of " +
                                    std::to_string(size()));
        return cells_[index];
    }
    [[nodiscard]] shared_cell<Value>& operator[](std::size_t index) { return at(index); }

    [[nodiscard]] std::size_t size() const { return cells_.size(); }

private:
    static std::size_t checked(std::size_t size) {
        if (size == 0) throw std::invalid_argument("a shared array must have at least one element");
        return size;
    }

    shared_memory<shared_mutex> mutex_{"parley-array-lock"};
    shared_memory<shared_cell<Value>> cells_;
};

} // namespace parley
