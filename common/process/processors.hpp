// Which processors, and how much of them, this process may use: what defaults and plans go by. The machine may
// have more: taskset(1), cpusets and containers take some away.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

namespace parley {

/// The numbers of the processors that this process may run on (sched_getaffinity(2)).
std::vector<int> usable_cpus();

/// How many threads can run at a time: the usable cores, or fewer if the control group has less processor time
/// (a share of one counts as one). At least 1.
int usable_cpu_count();

/// The processor time that a process may use, in processors: the least of its control group and of those above
/// it. `groups` is its /proc/PID/cgroup, `mounted` is where the controllers are (cgroups(7): cpu.max, or
/// cpu.cfs_quota_us in version 1). Returns nullopt if nothing limits it.
std::optional<double> cpu_quota(const std::filesystem::path& groups, const std::filesystem::path& mounted);

/// For how long its control group, or one above it, was kept from running since it had used up its share
/// (cpu.stat): the longest of them, over all processors. 0 if nothing limits it.
std::chrono::nanoseconds throttled_time(const std::filesystem::path& groups = "/proc/self/cgroup",
                                        const std::filesystem::path& mounted = "/sys/fs/cgroup");

} // namespace parley
