// Runs a part of a test in a process of its own: for what a process has only once, such as its signals, its
// limits and its children.
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

/// Throws where `fact` is not so: doctest's macros report to the process that they are used in.
inline void require(bool fact, const char* what) {
    if (!fact) throw std::runtime_error{std::string{"not so: "} + what};
}

/// Forks; the child calls `body()`. Returns what became of it: "exit 0" if body returned; "exit 1" if it threw,
/// which it says on standard error; "signal N".
template <class Body>
std::string run_in_fork(Body body) {
    std::fflush(nullptr); // or both would write it
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
