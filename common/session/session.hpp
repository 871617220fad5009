// One side of a conversation, written as a coroutine that does no I/O: it says what it needs next, and a
// driver (blocking, epoll, Asio, a test in memory) carries that out. So a service is written once and runs
// under every concurrency model.
//
//     session counter(server_state& shared) {
//         while (co_await read_line()) {
//             const auto text = fmt::format("{}\n", shared.visits.add_one());
//             co_await reply(text);
//         }
//     }
//
// All that cuts across services stands here once, round next(): the line buffer and its limit, and the
// thread-local request context.
#pragma once

#include "common/session/input_buffer.hpp"
#include "common/session/request_context.hpp"

#include <chrono>
#include <coroutine>
#include <exception>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace parley {

// ---- What a session can ask of its driver. A step owns nothing: what it points to lives in the session. ----

struct need_input {}; // answer with feed()
struct output {
    std::string_view bytes;
};
struct delay {
    std::chrono::milliseconds time;
};
struct compute { // work that uses the processor for long; throws nothing
    void (*run)(void* work);
    void* work;
    void operator()() const { run(work); }
};

using step = std::variant<need_input, output, delay, compute>;
static_assert(std::is_trivially_destructible_v<step>);

// ---- What a service can await. ----

struct line_wanted {};
struct bytes_wanted {};
struct output_wanted {
    std::string_view bytes;
};
struct delay_wanted {
    std::chrono::milliseconds time;
};
template <class Work>
struct compute_wanted {
    Work& work;
};

/// The next line without its end, or nothing at the end of input. A line over input_buffer::line_limit is
/// answered with an error and skipped. The text stays valid until the next read.
inline line_wanted read_line() { return {}; }

/// The next bytes, as many as came, or nothing at the end of input. They stay valid until the next read.
inline bytes_wanted read_some() { return {}; }

/// Sends all of `text`, which must be a named variable: g++ 12 destroys temporaries of a co_await too early.
inline output_wanted reply(std::string_view text) { return {text}; }

/// Waits without using the processor.
inline delay_wanted pause(std::chrono::milliseconds time) { return {time}; }

/// Runs `work()`, which uses the processor for long, wherever the driver can afford it. What it throws is
/// thrown here. Another thread may run it, but never at the same time as the session.
template <class Work>
compute_wanted<Work> run(Work& work) {
    return {work};
}

// ---- The session. ----

class session {
public:
    class promise_type;

    session(session&& other) noexcept : coroutine_{std::exchange(other.coroutine_, {})} {}
    session& operator=(session&& other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~session() {
        if (coroutine_) coroutine_.destroy();
    }

    /// What it needs now, or null: it has finished. Call it again when that has been done; a session that
    /// still needs input says so again. Throws what the service threw. The step is valid until the next call.
    const step* next();

    /// The answer to need_input; empty means the end of input. The bytes are borrowed until the session
    /// needs input again.
    void feed(std::string_view bytes);

    /// True if it has not looked at all that was fed yet: then it may have its next reply soon.
    [[nodiscard]] bool has_unread_input() const;

    /// Says which worker runs it from now on (request_context::worker).
    void assign_worker(int worker);

private:
    explicit session(std::coroutine_handle<promise_type> coroutine) : coroutine_{coroutine} {}

    std::coroutine_handle<promise_type> coroutine_;
};

class session::promise_type {
public:
    session get_return_object() { return session{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure_ = std::current_exception(); }

    auto await_transform(line_wanted) { return input_awaiter{*this, awaiting::line}; }
    auto await_transform(bytes_wanted) { return input_awaiter{*this, awaiting::bytes}; }
    auto await_transform(output_wanted wanted) { return ask(output{wanted.bytes}, wanted.bytes.empty()); }
    auto await_transform(delay_wanted wanted) { return ask(delay{wanted.time}, wanted.time.count() <= 0); }

    template <class Work>
    auto await_transform(compute_wanted<Work> wanted) {
        return compute_awaiter<Work>{*this, wanted.work, {}};
    }

private:
    friend session;
    enum class awaiting { nothing, line, bytes };

    struct step_awaiter {
        bool nothing_to_do;
        bool await_ready() const noexcept { return nothing_to_do; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };

    struct input_awaiter {
        promise_type& promise;
        awaiting what;
        bool await_ready() const {
            promise.awaiting_ = what;
            return promise.can_resume();
        }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        std::optional<std::string_view> await_resume() const { return promise.take_input(); }
    };

    template <class Work>
    struct compute_awaiter {
        promise_type& promise;
        Work& work;
        std::exception_ptr failure;

        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) noexcept { promise.step_ = compute{&run, this}; }
        void await_resume() const {
            if (failure) std::rethrow_exception(failure);
        }
        static void run(void* self) {
            auto& awaiter = *static_cast<compute_awaiter*>(self);
            const context_scope installed{awaiter.promise.context_};
            try {
                awaiter.work();
            } catch (...) {
                awaiter.failure = std::current_exception();
            }
        }
    };

    step_awaiter ask(step wanted, bool nothing_to_do) {
        step_ = wanted;
        return {nothing_to_do};
    }

    /// Is what the service awaits at hand? If not, step_ says what must be done first.
    bool can_resume();
    std::optional<std::string_view> take_input();

    step step_;
    awaiting awaiting_ = awaiting::nothing;
    input_buffer::search_result found_ = input_buffer::search_result::need_more;
    input_buffer input_;
    request_context context_;
    std::exception_ptr failure_;
};

} // namespace parley
