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

/// "200000 100000": microseconds in each period; "max 100000": no limit.
quota read_version_2(const fs::path& group) {
    std::ifstream file{group / "cpu.max"};
    double time = 0, period = 0;
    return file >> time >> period && period > 0 ? quota{time / period} : std::nullopt;
}

/// -1: no limit.
quota read_version_1(const fs::path& group) {
    std::ifstream time_file{group / "cpu.cfs_quota_us"}, period_file{group / "cpu.cfs_period_us"};
    double time = 0, period = 0;
    return time_file >> time && period_file >> period && time > 0 && period > 0 ? quota{time / period}
                                                                                : std::nullopt;
}

/// Calls `visit(folder, version)` for the control group of a process and for those above it (cgroups(7)). In a
/// container, its own group may be mounted as the root, while /proc names it as the host does.
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

/// The number in that line of the group's cpu.stat; 0: there is none.
double stat_of(const fs::path& group, std::string_view line) {
    std::ifstream file{group / "cpu.stat"};
    std::string name;
    for (double value = 0; file >> name >> value;)
        if (name == line) return value;
    return 0;
}

} // namespace

quota cpu_quota(const fs::path& groups, const fs::path& mounted) {
    quota least;
    for_each_group(groups, mounted, [&](const fs::path& group, int version) {
        const auto own = version == 2 ? read_version_2(group) : read_version_1(group);
        if (own) least = std::min(least.value_or(*own), *own);
    });
    return least;
}

std::chrono::nanoseconds throttled_time(const fs::path& groups, const fs::path& mounted) {
    double longest = 0;
    for_each_group(groups, mounted, [&](const fs::path& group, int version) {
        longest = std::max(longest, version == 2 ? 1e3 * stat_of(group, "throttled_usec")
                                                 : stat_of(group, "throttled_time"));
    });
    return std::chrono::nanoseconds{static_cast<std::int64_t>(longest)};
}

std::vector<int> usable_cpus() {
    std::vector<int> cores;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int core = 0; core != CPU_SETSIZE; ++core)
            if (CPU_ISSET(core, &set)) cores.push_back(core);
    } else { // a machine with more processors than the set has room for
        for (unsigned core = 0; core != std::max(1U, std::thread::hardware_concurrency()); ++core)
            cores.push_back(static_cast<int>(core));
    }
    return cores;
}

int usable_cpu_count() {
    const auto cores = static_cast<int>(usable_cpus().size());
    const auto limit = cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && *limit < cores ? std::max(1, static_cast<int>(std::ceil(*limit))) : cores;
}

} // namespace parley
