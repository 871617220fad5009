// Reads one value per file of /proc and /sys. Values that the kernel does not report stay empty.
#include "client/compare/host/machine.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "common/process/procfs.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

namespace parley {

machine machine::here() {
    machine machine;
    const auto processors = read_file("/proc/cpuinfo");
    machine.processor = field_of(processors, "model name");
    machine.is_virtual = field_of(processors, "flags").find(" hypervisor") != std::string_view::npos;
    machine.memory_mib =
        std::strtod(std::string{field_of(read_file("/proc/meminfo"), "MemTotal")}.c_str(), nullptr) / 1024;
    machine.load_average = std::strtod(read_file("/proc/loadavg").c_str(), nullptr);
    machine.cores = static_cast<int>(usable_cpus().size());
    utsname system;
    if (uname(&system) == 0) machine.kernel = fmt::format("{} {}", system.sysname, system.release);
    const auto governor = read_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    machine.governor = governor.substr(0, governor.find('\n'));
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) machine.descriptors = static_cast<long>(limit.rlim_max);
    machine.listen_queue = std::strtol(read_file("/proc/sys/net/core/somaxconn").c_str(), nullptr, 10);
    return machine;
}

int machine::most_connections() const {
    constexpr double other_fds = 500;   // reserve for files, pipes and libraries of a program
    constexpr double process_mib = 0.5; // upper limit for a forked worker with its kernel stack
    constexpr double most = 100'000;    // limit of parley-load and parley-server
    // Half of the memory is for the servers; the rest is for the load generator and the kernel.
    return static_cast<int>(
        std::min({static_cast<double>(descriptors) - other_fds, memory_mib / 2 / process_mib, most}));
}

std::string machine::to_string() const {
    return fmt::format("{}, {} {}, {}{:.1f} GiB, {}", processor.empty() ? "unknown CPU" : processor, cores,
                       cores == 1 ? "core" : "cores", is_virtual ? "virtual, " : "", memory_mib / 1024,
                       kernel) +
           (governor.empty() ? "" : ", governor " + governor);
}

} // namespace parley
