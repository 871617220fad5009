// Runs a part of a test in a child process. Signals, limits and children exist once per process, so a test
// that changes them needs its own.
#pragma once

#include "common/check.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace parley {

/// Throws if `condition` is false. doctest's macros report only in their own process, so a child needs this.
inline void require(bool condition, const char* description) {
    if (!condition) throw std::runtime_error{std::string{"not true: "} + description};
}

/// Forks and calls `body()` in the child. Returns how the child ended: "exit 0" if body returned, "exit 1" if
/// it threw (the error goes to standard error), or "signal N".
template <class Body>
std::string run_in_fork(Body body) {
    std::fflush(nullptr); // or both processes would write what is buffered
    const pid_t child = check("fork", fork);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int status = 0;
        try {
            body();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "in the child: %s\n", error.what());
            status = 1;
        }
        _exit(status);
    }
    int status = 0;
    check("waitpid", [&] { return waitpid(child, &status, 0); });
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit " + std::to_string(WEXITSTATUS(status));
}

} // namespace parley
