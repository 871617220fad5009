// How many system calls a server makes: the kernel's own count of them (perf_event_open(2), the tracepoint
// raw_syscalls:sys_enter). While anybody counts, each system call of the machine takes a little longer, so
// this is for a load of its own, not for one whose rate is measured.
#pragma once

#include "common/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace parley {

class syscall_count {
public:
    /// Counts from now on: those of `root`, of all that descend from it, and of their threads, also of those to
    /// come.
    explicit syscall_count(pid_t root);

    /// Nothing where it may not, or could not, be counted: that takes root, or kernel.perf_event_paranoid of
    /// -1 and a tracefs that is mounted and may be read.
    [[nodiscard]] std::optional<std::uint64_t> so_far() const;

private:
    std::vector<unique_fd> counters_; // one for each thread that was there
    bool complete_ = false;
};

} // namespace parley
