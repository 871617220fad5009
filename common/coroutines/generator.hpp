// Generator: a coroutine that yields values one by one, and is suspended between them (C++23's std::generator;
// Python's generators, PEP 255 and PEP 342). Producer and consumer take turns in one thread: no lock, no queue.
//
//     generator<int> count_to(int end) {
//         for (int i = 1; i <= end; ++i) co_yield i;
//     }
//
//     for (const int i : count_to(3)) fmt::print("{}\n", i);
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace parley {

/// Yields values of the type Out. If In is not void, the generator is also sent values: `co_yield out` returns
/// what the caller passed to send().
///
///     generator<std::string, int> consume() {
///         std::string status;
///         for (;;) {
///             const int item = co_yield status;
///             status = store(item);
///         }
///     }
///
///     auto consumer = consume();
///     consumer.next();                       // runs to the first co_yield
///     const auto status = consumer.send(1);  // the result of store(1)
///
/// The parameters of the coroutine are copied into it, but what they refer to must outlive it; so must the
/// captures of a lambda, which are not copied.
template <class Out, class In = void>
class generator {
    static constexpr bool takes_values = !std::is_void_v<In>;
    static_assert(std::is_object_v<Out>, "yield values or pointers: a reference could outlive its object");

public:
    class promise_type;
    class iterator;

    generator(generator&& other) noexcept : coroutine_{std::exchange(other.coroutine_, {})} {}
    generator& operator=(generator&& other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~generator() { close(); }

    /// Runs to the next co_yield and returns its value, or nullopt if the coroutine has ended. Throws what the
    /// coroutine throws, which ends it. If the generator takes values, this only starts it: then
    /// std::logic_error is thrown at the second call.
    std::optional<Out> next() {
        if (takes_values && coroutine_ && coroutine_.promise().has_started_)
            throw std::logic_error("a generator that takes values has started: call send()");
        return resume();
    }

    /// Makes the current co_yield return `value`, and continues as next(). Throws std::logic_error before
    /// next(), since no co_yield waits for the value.
    template <class Sent = In>
    requires(takes_values) std::optional<Out> send(Sent value) {
        if (!coroutine_) return std::nullopt;
        auto& promise = coroutine_.promise();
        if (!promise.has_started_)
            throw std::logic_error("a generator that has not started: call next() before send()");
        promise.received_.emplace(std::move(value));
        return resume();
    }

    /// Ends the coroutine where it is suspended: the destructors of its variables run. Then there is no next
    /// value.
    void close() {
        if (coroutine_) std::exchange(coroutine_, {}).destroy();
    }

    /// For range-based for. The first call of next() or begin() starts the coroutine.
    iterator begin() requires(!takes_values) { return iterator{*this}; }
    std::default_sentinel_t end() requires(!takes_values) { return {}; }

private:
    explicit generator(std::coroutine_handle<promise_type> coroutine) : coroutine_{coroutine} {}

    std::optional<Out> resume() {
        if (!coroutine_) return std::nullopt;
        auto& promise = coroutine_.promise();
        promise.has_started_ = true;
        coroutine_.resume();
        if (!coroutine_.done()) return std::exchange(promise.yielded_, std::nullopt);
        const auto failure = promise.failure_;
        close();
        if (failure) std::rethrow_exception(failure);
        return std::nullopt;
    }

    std::coroutine_handle<promise_type> coroutine_; // null once the coroutine has ended
};

template <class Out, class In>
class generator<Out, In>::promise_type {
public:
    generator get_return_object() {
        return generator{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure_ = std::current_exception(); }

    /// Keeps the value: g++ 12 may destroy a temporary of a co_yield before the consumer reads it.
    auto yield_value(Out value) {
        yielded_.emplace(std::move(value));
        return yield_awaiter{*this};
    }

    /// A generator waits for nothing but its consumer.
    void await_transform() = delete;

private:
    friend generator;
    struct nothing {};

    struct yield_awaiter {
        promise_type& promise;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        In await_resume() const {
            if constexpr (takes_values) return std::move(*promise.received_);
        }
    };

    bool has_started_ = false;
    std::optional<Out> yielded_;
    std::optional<std::conditional_t<takes_values, In, nothing>> received_;
    std::exception_ptr failure_;
};

template <class Out, class In>
class generator<Out, In>::iterator {
public:
    using value_type = Out;
    using difference_type = std::ptrdiff_t;

    explicit iterator(generator& generator) : generator_{&generator}, value_{generator.next()} {}
    Out& operator*() const { return *value_; }
    iterator& operator++() {
        value_ = generator_->next();
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !value_; }

private:
    generator* generator_;
    mutable std::optional<Out> value_;
};

} // namespace parley
