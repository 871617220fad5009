// The machine that was measured: a number without it says nothing.
#pragma once

#include <string>

namespace parley {

struct machine {
    std::string processor;   // "AMD EPYC", as it names itself
    int cores = 0;           // that this process may use (sched_getaffinity(2))
    std::string kernel;      // "Linux 6.1.0-18-amd64"
    std::string governor;    // of the first core: "performance"; empty where the kernel does not tell
    double memory_mib = 0;   // all that the kernel has
    long descriptors = 0;    // that a process may have open (getrlimit(2), the hard limit)
    long listen_queue = 0;   // clients that may wait to be accepted, at most (net.core.somaxconn); 0: not known
    double load_average = 0; // of the last minute, before the comparison began
    bool is_virtual = false; // a hypervisor says that it is there

    /// Reads it from /proc (proc(5)). What cannot be read stays empty.
    static machine here();

    /// How many connections two programs here can have without harm, with a process for each: what descriptors
    /// and memory allow.
    [[nodiscard]] int most_connections() const;

    /// "AMD EPYC, 2 cores, virtual, 7.8 GiB, Linux 6.1.0-18-amd64"
    [[nodiscard]] std::string to_string() const;
};

} // namespace parley
