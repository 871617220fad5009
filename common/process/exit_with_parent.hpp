// Ties the life of a child process to that of its parent (PR_SET_PDEATHSIG, prctl(2)).
#pragma once

#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

namespace parley {

/// Makes the kernel kill the calling process when the thread that forked it ends. Call it in the child right
/// after fork(2), with the pid of the parent. Exits if the parent has died before, since then no signal comes.
/// Async-signal-safe.
inline void exit_with_parent(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
}

} // namespace parley
