// The machine of a run: hardware, kernel and limits. A number without its machine says nothing.
#pragma once

#include <string>

namespace parley {

struct machine {
    std::string processor;   // model name, for example "AMD EPYC"
    int cores = 0;           // usable by this process (sched_getaffinity(2))
    std::string kernel;      // "Linux 6.1.0-18-amd64"
    std::string governor;    // of the first core: "performance"; empty: unknown
    double memory_mib = 0;   // MemTotal
    long descriptors = 0;    // fds per process (hard limit of getrlimit(2))
    long listen_queue = 0;   // largest listen backlog (net.core.somaxconn); 0: unknown
    double load_average = 0; // of the last minute before the run
    bool is_virtual = false; // the CPU reports a hypervisor

    /// Reads the values of this machine from /proc (proc(5)). Unreadable values stay empty.
    static machine here();

    /// Returns the number of connections that fds and memory allow, with a process for each connection.
    [[nodiscard]] int most_connections() const;

    /// "AMD EPYC, 2 cores, virtual, 7.8 GiB, Linux 6.1.0-18-amd64"
    [[nodiscard]] std::string to_string() const;
};

} // namespace parley
