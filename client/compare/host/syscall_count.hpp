// Counter of the system calls of a server, by the kernel: perf_event_open(2) with the tracepoint
// raw_syscalls:sys_enter. Counting slows all system calls of the machine, so it has a load of its own, and is
// not used while a rate is measured.
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
    /// Starts to count the calls of `root`, of its descendants and of all their threads, also future ones.
    explicit syscall_count(pid_t root);

    /// Returns nullopt if counting is not permitted or failed. It needs root, or kernel.perf_event_paranoid =
    /// -1 and a mounted and readable tracefs.
    [[nodiscard]] std::optional<std::uint64_t> so_far() const;

private:
    std::vector<unique_fd> counters_; // one for each thread that existed at construction
    bool is_complete_ = false;
};

} // namespace parley
