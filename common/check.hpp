// Error handling of system calls, which return -1 and set errno. check() throws an exception that names the
// call and its object, and repeats a call that was interrupted by a signal.
#pragma once

#include <cerrno>
#include <string_view>

namespace parley {

/// Throws std::system_error with errno and the message "CALL OBJECT: reason".
[[noreturn]] void throw_errno(std::string_view call, std::string_view object = {});

/// Calls `attempt`, a system call that returns -1 on failure, again as long as it fails with EINTR (signal(7)).
/// Returns its result. Throws as throw_errno() for any other error.
template <class Attempt>
auto check(std::string_view call, std::string_view object, Attempt attempt) {
    for (;;) {
        const auto result = attempt();
        if (result != -1) return result;
        if (errno != EINTR) throw_errno(call, object);
    }
}

template <class Attempt>
auto check(std::string_view call, Attempt attempt) {
    return check(call, {}, attempt);
}

} // namespace parley
