// One cell: a fresh server, loaded by a load tester in a process of its own, watched from outside, and stopped.
#pragma once

#include "client/compare/load_report.hpp"
#include "client/compare/plan.hpp"
#include "client/compare/process_tree.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace parley {

/// What the process tree of a server used between its start and its end: the start, the priming, the load with
/// its warm-up, and the stop are all in it.
struct server_use {
    std::chrono::microseconds user{};
    std::chrono::microseconds system{};
    std::int64_t voluntary_switches = 0;   // it waited
    std::int64_t involuntary_switches = 0; // its time was over
    std::int64_t page_faults = 0;
    std::uint64_t requests = 0; // that it answered meanwhile
    tree_memory memory;         // the largest of those seen near the end of the load
};

struct measurement {
    cell where;
    std::string problem; // why it does not count; empty where it does
    bool left_cleanly = false;
    std::chrono::milliseconds start_time{}; // until it listened
    std::chrono::milliseconds stop_time{};  // from SIGTERM to its end
    load_report load;
    server_use server;

    [[nodiscard]] double cpu_us_per_request() const;
    [[nodiscard]] double switches_per_request() const;
    [[nodiscard]] double pss_mib() const { return static_cast<double>(server.memory.pss_kib) / 1024; }
};

/// Carries out one cell of the plan. A server or a load that fails is a finding, told in `problem`.
/// Nothing: a stop was requested meanwhile (stop_signal); what ran is killed.
std::optional<measurement> measure(const plan& all, const cell& where);

} // namespace parley
