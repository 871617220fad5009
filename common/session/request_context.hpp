// What a function may know of the request it works for without being handed a parameter: the lecture's
// thread-local data. A session installs its own context round every resume, so the answer is right even
// when the session has moved to another thread since, and when many sessions share one thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace parley {

struct request_context {
    std::uint64_t request = 0; // the how-manieth request of its connection, from 1
    int worker = 0;            // the number of the worker that runs the session now, from 1
    std::string_view text;     // the request itself; valid until the service reads the next one
};

/// The context of the request that the calling thread works for.
/// Throws std::logic_error outside of a session.
const request_context& this_request();

/// Installs a context for the calling thread as long as it lives. Nests.
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
