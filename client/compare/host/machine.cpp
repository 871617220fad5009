// One field per file of /proc, and no guess where the kernel does not tell.
#include "client/compare/host/machine.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "client/compare/host/procfs.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

namespace parley {

machine machine::here() {
    machine it;
    const auto processors = read_file("/proc/cpuinfo");
    it.processor = field_of(processors, "model name");
    it.is_virtual = field_of(processors, "flags").find(" hypervisor") != std::string_view::npos;
    it.memory_mib =
        std::strtod(std::string{field_of(read_file("/proc/meminfo"), "MemTotal")}.c_str(), nullptr) / 1024;
    it.load_average = std::strtod(read_file("/proc/loadavg").c_str(), nullptr);
    it.cores = static_cast<int>(usable_cpus().size());
    utsname system;
    if (uname(&system) == 0) it.kernel = fmt::format("{} {}", system.sysname, system.release);
    const auto governor = read_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    it.governor = governor.substr(0, governor.find('\n'));
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) it.descriptors = static_cast<long>(limit.rlim_max);
    it.listen_queue = std::strtol(read_file("/proc/sys/net/core/somaxconn").c_str(), nullptr, 10);
    return it;
}

int machine::most_connections() const {
    constexpr double others = 500;        // descriptors for whatever else a program has open
    constexpr double a_process_mib = 0.5; // more than a forked process has of its own, with its kernel stack
    constexpr double most = 100'000;      // that parley-load and parley-server take
    return static_cast<int>(
        std::min({static_cast<double>(descriptors) - others, memory_mib / 2 / a_process_mib, most}));
}

std::string machine::to_string() const {
    return fmt::format("{}, {} {}, {}{:.1f} GiB, {}", processor.empty() ? "unknown processor" : processor,
                       cores, cores == 1 ? "core" : "cores", is_virtual ? "virtual, " : "", memory_mib / 1024,
                       kernel) +
           (governor.empty() ? "" : ", governor " + governor);
}

} // namespace parley
