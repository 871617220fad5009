// CPU affinity and the CPU limits of control groups, versions 1 and 2 (cgroups(7)).
#include "common/process/processors.hpp"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sched.h>
#include <string>
#include <string_view>
#include <thread>

namespace parley {

namespace {

namespace fs = std::filesystem;

using quota = std::optional<double>;

/// Reads cpu.max: "200000 100000" is the microseconds allowed in each period; "max 100000" means no limit.
quota read_version_2(const fs::path& group) {
    std::ifstream file{group / "cpu.max"};
    double time = 0, period = 0;
    return file >> time >> period && period > 0 ? quota{time / period} : std::nullopt;
}

/// Reads cpu.cfs_quota_us, where -1 means no limit.
quota read_version_1(const fs::path& group) {
    std::ifstream time_file{group / "cpu.cfs_quota_us"}, period_file{group / "cpu.cfs_period_us"};
    double time = 0, period = 0;
    return time_file >> time && period_file >> period && time > 0 && period > 0 ? quota{time / period}
                                                                                : std::nullopt;
}

/// Calls `visit(folder, version)` for the control group of a process and for all groups above it (cgroups(7)).
/// In a container, the process's own group may be mounted as the root, while /proc shows the path as seen from
/// the host. So folders that do not exist are visited, too.
template <class Visit>
void for_each_group(const fs::path& groups, const fs::path& mounted, Visit visit) {
    std::ifstream file{groups};
    for (std::string line; std::getline(file, line);) { // "0::/group", or "4:cpu,cpuacct:/group"
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const bool is_version_2 = controllers.empty();
        if (!is_version_2 && ("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
        const auto root = mounted / controllers;
        for (auto path = fs::path{line.substr(second + 1)}.relative_path();; path = path.parent_path()) {
            visit(root / path, is_version_2 ? 2 : 1);
            if (path.empty()) break;
        }
    }
}

/// Returns the value of an entry of the group's cpu.stat; 0 if there is none.
double read_cpu_stat(const fs::path& group, std::string_view entry) {
    std::ifstream file{group / "cpu.stat"};
    std::string name;
    for (double value = 0; file >> name >> value;)
        if (name == entry) return value;
    return 0;
}

} // namespace

quota cpu_quota(const fs::path& groups, const fs::path& mounted) {
    quota smallest;
    for_each_group(groups, mounted, [&](const fs::path& group, int version) {
        const auto limit = version == 2 ? read_version_2(group) : read_version_1(group);
        if (limit) smallest = std::min(smallest.value_or(*limit), *limit);
    });
    return smallest;
}

std::chrono::nanoseconds throttled_time(const fs::path& groups, const fs::path& mounted) {
    double longest = 0;
    for_each_group(groups, mounted, [&](const fs::path& group, int version) {
        longest = std::max(longest, version == 2 ? 1e3 * read_cpu_stat(group, "throttled_usec")
                                                 : read_cpu_stat(group, "throttled_time"));
    });
    return std::chrono::nanoseconds{static_cast<std::int64_t>(longest)};
}

std::vector<int> usable_cpus() {
    std::vector<int> cpus;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    } else { // a machine with more CPUs than cpu_set_t can hold (1024)
        for (unsigned cpu = 0; cpu != std::max(1U, std::thread::hardware_concurrency()); ++cpu)
            cpus.push_back(static_cast<int>(cpu));
    }
    return cpus;
}

int usable_cpu_count() {
    const auto count = static_cast<int>(usable_cpus().size());
    const auto limit = cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && *limit < count ? std::max(1, static_cast<int>(std::ceil(*limit))) : count;
}

} // namespace parley
