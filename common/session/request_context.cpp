// The only thread_local variable of parley.
#include "common/session/request_context.hpp"

#include <stdexcept>
#include <utility>

namespace parley {

namespace {
constinit thread_local const request_context* current = nullptr;
}

const request_context& this_request() {
    if (!current) throw std::logic_error("this_request() was called outside of a session");
    return *current;
}

context_scope::context_scope(const request_context& context) : outer_{std::exchange(current, &context)} {}

context_scope::~context_scope() { current = outer_; }

} // namespace parley
