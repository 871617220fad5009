// State and CPU time of any process, whether or not it is our child (proc(5), pidfd_open(2)).
#pragma once

#include "common/unique_fd.hpp"

#include <chrono>
#include <sys/types.h>

namespace parley {

/// Returns a pidfd: it refers to this process even if the kernel reuses the pid, and is readable once the
/// process has ended (pidfd_open(2)). Throws std::system_error, usually ESRCH.
unique_fd open_process(pid_t process);

/// True if there is a process with that pid. A zombie counts: it exists until its parent has reaped it.
bool process_exists(pid_t process);

/// Returns the CPU time of a process and of the children that it has waited for; 0 if the process has ended.
/// The resolution is a clock tick, usually 10 ms (sysconf(3), _SC_CLK_TCK).
std::chrono::milliseconds cpu_time_of(pid_t process);

} // namespace parley
