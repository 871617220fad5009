#include "common/processors.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
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

/// The least of a group and of those above it. In a container, its own group may be mounted as the root, while
/// /proc names it as the host does.
quota least_of(const fs::path& root, std::string_view group, quota (*read)(const fs::path&)) {
    quota least;
    for (auto path = fs::path{group}.relative_path();; path = path.parent_path()) {
        if (const auto own = read(root / path)) least = std::min(least.value_or(*own), *own);
        if (path.empty()) return least;
    }
}

} // namespace

quota processor_quota(const fs::path& groups, const fs::path& mounted) {
    std::ifstream file{groups};
    quota least;
    for (std::string line; std::getline(file, line);) { // "0::/group", or "4:cpu,cpuacct:/group" (cgroups(7))
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const auto group = std::string_view{line}.substr(second + 1);
        quota own;
        if (controllers.empty())
            own = least_of(mounted, group, read_version_2);
        else if (("," + controllers + ",").find(",cpu,") != std::string::npos)
            own = least_of(mounted / controllers, group, read_version_1);
        if (own) least = std::min(least.value_or(*own), *own);
    }
    return least;
}

std::vector<int> usable_cores() {
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

int usable_processors() {
    const auto cores = static_cast<int>(usable_cores().size());
    const auto limit = processor_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && *limit < cores ? std::max(1, static_cast<int>(std::ceil(*limit))) : cores;
}

} // namespace parley
