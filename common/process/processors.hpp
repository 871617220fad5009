// The CPUs that this process may use, which decide default numbers of workers and the plans of parley-compare.
// The machine may have more: taskset(1), cpusets and containers restrict a process.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

namespace parley {

/// Returns the numbers of the CPUs that this process may run on (sched_getaffinity(2)).
std::vector<int> usable_cpus();

/// Returns how many threads can run at the same time: the number of usable CPUs, or fewer if a control group
/// limits the CPU time (rounded up). At least 1.
int usable_cpu_count();

/// Returns the CPU time that a process may use, in CPUs: the smallest limit of its control group and of the
/// groups above it (cgroups(7): cpu.max, or cpu.cfs_quota_us in version 1). `groups` is its /proc/PID/cgroup,
/// `mounted` is where the controllers are mounted. Returns nullopt if there is no limit.
std::optional<double> cpu_quota(const std::filesystem::path& groups, const std::filesystem::path& mounted);

/// Returns how long the control group, or one above it, has been throttled because it had used up its quota
/// (cpu.stat). The maximum over these groups, summed over all CPUs. 0 if there is no limit.
std::chrono::nanoseconds throttled_time(const std::filesystem::path& groups = "/proc/self/cgroup",
                                        const std::filesystem::path& mounted = "/sys/fs/cgroup");

} // namespace parley
