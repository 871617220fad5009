// What Linux tells of a process that is not ours: that it is there, when it ends, what it has used (proc(5)).
#pragma once

#include "common/unique_fd.hpp"

#include <chrono>
#include <sys/types.h>

namespace parley {

/// Stands for this very process, however soon its number is given to another one; readable when it has ended
/// (pidfd_open(2)). Throws std::system_error, as a rule ESRCH.
unique_fd open_process(pid_t process);

/// Is there a process of that number? One that has ended is, until its parent has asked for its end.
bool process_exists(pid_t process);

/// The processor time of a process and of those children that it has waited for; 0 where it has ended. In steps
/// of 10 ms, as a rule.
std::chrono::milliseconds cpu_time_of(pid_t process);

} // namespace parley
