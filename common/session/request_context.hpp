// Thread-local context of the current request, for functions that get no parameter. The session installs its
// context around every resume. So the context is right even if many sessions share a thread, or a session has
// moved to another thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace parley {

struct request_context {
    std::uint64_t request = 0; // number of the request on its connection, from 1
    int worker = 0;            // number of the worker that runs the session now, from 1
    std::string_view text;     // the request; valid until the service reads the next one
};

/// Returns the context of the request that the calling thread serves. Throws std::logic_error outside of a
/// session.
const request_context& this_request();

/// While alive, makes `context` the calling thread's current one. Scopes can be nested.
class context_scope {
public:
    explicit context_scope(const request_context& context);
    ~context_scope();
    context_scope(const context_scope&) = delete;
    context_scope& operator=(const context_scope&) = delete;

private:
    const request_context* outer_;
};

} // namespace parley
