// System calls report failure by -1 and errno. This is the one place that turns such a failure into an
// exception naming the call and its object, and that repeats a call which a signal interrupted.
#pragma once

#include <cerrno>
#include <string_view>

namespace parley {

/// Throws std::system_error(errno) that reads "CALL OBJECT: reason".
[[noreturn]] void throw_errno(std::string_view call, std::string_view object = {});

/// Runs `attempt`, a system call that answers -1 on failure, again while it fails with EINTR (signal(7)).
/// Returns its result; any other failure is thrown by throw_errno().
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
