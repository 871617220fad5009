// The steps of a session. Every request of every service under every model passes through session::next().
#include "common/session/session.hpp"

namespace parley {

namespace {
constexpr std::string_view line_too_long = "error: a line may have 65536 bytes\n";
static_assert(input_buffer::line_limit == 65536);
} // namespace

bool session::promise_type::can_resume() {
    if (awaiting_ == awaiting::none) return true;
    found_ = awaiting_ == awaiting::line ? input_.next_line() : input_.next_bytes();
    switch (found_) {
    case input_buffer::search_result::need_more: step_ = need_input{}; return false;
    case input_buffer::search_result::too_long: step_ = output{line_too_long}; return false;
    case input_buffer::search_result::found:
    case input_buffer::search_result::end: break;
    }
    awaiting_ = awaiting::none;
    return true;
}

std::optional<std::string_view> session::promise_type::take_input() {
    if (found_ == input_buffer::search_result::end) return std::nullopt;
    ++context_.request;
    context_.text = input_.take();
    return context_.text;
}

const step* session::next() {
    auto& promise = coroutine_.promise();
    if (!promise.can_resume()) return &promise.step_;
    {
        const context_scope scope{promise.context_};
        coroutine_.resume();
    }
    if (!coroutine_.done()) return &promise.step_;
    if (promise.failure_) std::rethrow_exception(promise.failure_);
    return nullptr;
}

void session::feed(std::string_view bytes) {
    auto& input = coroutine_.promise().input_;
    if (bytes.empty())
        input.end();
    else
        input.add(bytes);
}

bool session::has_unread_input() const { return coroutine_.promise().input_.has_unread(); }

void session::assign_worker(int worker) { coroutine_.promise().context_.worker = worker; }

} // namespace parley
