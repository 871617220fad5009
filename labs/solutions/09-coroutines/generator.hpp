// A generator: a coroutine that yields values one by one, and is sent values. It is suspended between them, and
// only the caller resumes it: no thread, no scheduler. See Python's PEP 255 and PEP 342.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

struct nothing {};

/// Owns the coroutine. Yields values of the type Out; `co_yield out` returns the value of the type In that the
/// caller sends.
template <class Out, class In = nothing>
class generator {
public:
    struct promise_type;
    using handle = std::coroutine_handle<promise_type>;

    explicit generator(handle coroutine) : coroutine_{coroutine} {}
    generator(generator&& other) noexcept : coroutine_{std::exchange(other.coroutine_, {})} {}
    ~generator() {
        if (coroutine_) coroutine_.destroy(); // wherever it is suspended: its variables are destroyed
    }

    /// Runs to the next co_yield and returns its value, or nullopt if the coroutine has ended. Throws what the
    /// coroutine throws, which ends it.
    std::optional<Out> next() { return send({}); }

    /// As next(), and the co_yield at which the coroutine is suspended returns `value`. Call next() first:
    /// until then the coroutine is at no co_yield.
    std::optional<Out> send(In value) {
        if (coroutine_.done()) return std::nullopt;
        auto& promise = coroutine_.promise();
        promise.received.emplace(std::move(value));
        promise.yielded.reset();
        coroutine_.resume();
        if (promise.failure) std::rethrow_exception(std::exchange(promise.failure, {}));
        return std::move(promise.yielded);
    }

private:
    handle coroutine_;
};

/// What the coroutine and its owner share. The compiler's code calls these functions.
template <class Out, class In>
struct generator<Out, In>::promise_type {
    /// What `co_yield` waits for: the caller.
    struct yield_awaiter {
        promise_type& promise;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        In await_resume() const { return std::move(*promise.received); }
    };

    std::optional<Out> yielded;
    std::optional<In> received;
    std::exception_ptr failure;

    generator get_return_object() { return generator{handle::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; } // nothing runs before the first next()
    std::suspend_always final_suspend() noexcept { return {}; }   // the owner destroys it
    yield_awaiter yield_value(Out value) {
        yielded.emplace(std::move(value));
        return {*this};
    }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
};
