// A session: the server's side of one connection, as a coroutine that does no I/O. It returns a step that it
// needs next, and a driver (blocking, epoll, io_uring, Asio, or a test in memory) performs it. So a service is
// written once and runs under every concurrency model. Start reading parley here.
//
//     session counter(server_state& shared) {
//         while (co_await read_line()) {
//             const auto text = fmt::format("{}\n", shared.visits.add_one());
//             co_await reply(text);
//         }
//     }
//
// What all services need is here: the line buffer with its limit, and the thread-local request context.
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

// ---- Steps: what a session requests from its driver. ----
// A step owns nothing: it points to data in the session.

struct need_input {}; // the driver calls feed()
struct output {
    std::string_view bytes;
};
struct delay {
    std::chrono::milliseconds time;
};
struct compute { // CPU-bound work; run() throws nothing
    void (*run)(void* work);
    void* work;
    void operator()() const { run(work); }
};

using step = std::variant<need_input, output, delay, compute>;
static_assert(std::is_trivially_destructible_v<step>);

// ---- Awaitables: what a service can co_await. ----

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

/// Reads the next line without its end; nullopt at the end of input. A line longer than
/// input_buffer::line_limit is skipped, and the client gets an error. The text stays valid until the next read.
inline line_wanted read_line() { return {}; }

/// Reads the next bytes, as many as arrived; nullopt at the end of input. They stay valid until the next read.
inline bytes_wanted read_some() { return {}; }

/// Sends all of `text`, which must be a named variable: g++ 12 destroys temporaries of a co_await too early.
inline output_wanted reply(std::string_view text) { return {text}; }

/// Waits without using the CPU.
inline delay_wanted pause(std::chrono::milliseconds time) { return {time}; }

/// Runs `work()`, which uses the CPU for long. The driver chooses the thread, so that an event loop is not
/// blocked; the session is suspended until it is done. Rethrows what `work` throws.
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

    /// Resumes the session and returns its next step, or null if it has finished. The step is valid until the
    /// next call. Call this again after the step has been performed; a session that lacks input returns
    /// need_input again. Throws what the service throws.
    const step* next();

    /// Passes input after need_input; empty bytes mean the end of input. The bytes are borrowed until the
    /// session returns need_input again.
    void feed(std::string_view bytes);

    /// True if some of the input has not been searched yet, so that another reply may follow without waiting.
    [[nodiscard]] bool has_unread_input() const;

    /// Sets the number of the worker that runs the session from now on (request_context::worker).
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
    auto await_transform(output_wanted wanted) { return request(output{wanted.bytes}, wanted.bytes.empty()); }
    auto await_transform(delay_wanted wanted) { return request(delay{wanted.time}, wanted.time.count() <= 0); }

    template <class Work>
    auto await_transform(compute_wanted<Work> wanted) {
        return compute_awaiter<Work>{*this, wanted.work, {}};
    }

private:
    friend session;
    enum class awaiting { none, line, bytes };

    struct step_awaiter {
        bool is_done;
        bool await_ready() const noexcept { return is_done; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };

    struct input_awaiter {
        promise_type& promise;
        awaiting kind;
        bool await_ready() const {
            promise.awaiting_ = kind;
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
            const context_scope scope{awaiter.promise.context_};
            try {
                awaiter.work();
            } catch (...) {
                awaiter.failure = std::current_exception();
            }
        }
    };

    step_awaiter request(step next, bool is_done) {
        step_ = next;
        return {is_done};
    }

    /// True if what the service awaits is available. If not, step_ is what the driver must do first.
    bool can_resume();
    std::optional<std::string_view> take_input();

    step step_;
    awaiting awaiting_ = awaiting::none;
    input_buffer::search_result found_ = input_buffer::search_result::need_more;
    input_buffer input_;
    request_context context_;
    std::exception_ptr failure_;
};

} // namespace parley
