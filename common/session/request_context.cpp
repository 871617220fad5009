// The one thread_local of parley.
#include "common/session/request_context.hpp"

#include <stdexcept>
#include <utility>

namespace parley {

namespace {
constinit thread_local const request_context* installed = nullptr;
}

const request_context& this_request() {
    if (!installed) throw std::logic_error("this_request() was asked outside of a session");
    return *installed;
}

context_scope::context_scope(const request_context& context) : outer_{std::exchange(installed, &context)} {}

context_scope::~context_scope() { installed = outer_; }

} // namespace parley
