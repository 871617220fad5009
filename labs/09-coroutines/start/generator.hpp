// A generator: a coroutine that yields values one by one, and is sent values. The handout says what to do in
// each step: scripts/lab handout 9.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <stdexcept>
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
    // Step 2: the frame of the coroutine lives until destroy() is called.

    /// Runs to the next co_yield and returns its value, or nullopt if the coroutine has ended. Throws what the
    /// coroutine throws, which ends it.
    std::optional<Out> next() { return send({}); }

    /// As next(), and the co_yield at which the coroutine is suspended returns `value`. Call next() first:
    /// until then the coroutine is at no co_yield.
    std::optional<Out> send(In) {
        return std::nullopt; // Step 1: resume(), and then what the promise has. Step 3: `value`.
    }

private:
    handle coroutine_;
};

/// What the coroutine and its owner share. The compiler's code calls these functions.
template <class Out, class In>
struct generator<Out, In>::promise_type {
    /// What `co_yield` waits for: the caller.
    struct yield_awaiter {
        bool await_ready() const noexcept { return true; } // Step 1: true means: do not suspend
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        In await_resume() const { return {}; } // Step 3: the value of `co_yield`
    };

    generator get_return_object() { throw std::runtime_error("step 1 is missing: there is no generator"); }
    std::suspend_never initial_suspend() noexcept { return {}; } // Step 1: it runs at once
    std::suspend_never final_suspend() noexcept { return {}; }   // Step 1: it destroys itself at its end
    yield_awaiter yield_value(Out) { return {}; }                // Step 1: the value is lost
    void return_void() {}
    void unhandled_exception() {} // Step 2: an exception is lost
};
