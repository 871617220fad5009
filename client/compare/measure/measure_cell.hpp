// One cell: a fresh server, loaded by a load tester in a process of its own, watched from outside, and stopped.
#pragma once

#include "client/compare/host/host_noise.hpp"
#include "client/compare/host/process_tree.hpp"
#include "client/compare/measure/load_report.hpp"
#include "client/compare/plan/plan.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley {

/// What the processes of a server used between its start and its end, and up to two moments between: when it
/// was ready, and when all loads (the priming, the warm-up and what is counted) were over.
struct server_use {
    std::chrono::microseconds user{};
    std::chrono::microseconds system{};
    std::int64_t voluntary_switches = 0;   // it waited
    std::int64_t involuntary_switches = 0; // its time was over
    std::int64_t page_faults = 0;
    std::chrono::microseconds cpu_when_ready{};
    std::chrono::microseconds cpu_when_loaded{}; // 0: unknown, as in the results of an earlier version
    std::uint64_t requests = 0;                  // that it answered meanwhile
    std::uint64_t connections = 0;               // that were made to it meanwhile
    std::optional<std::uint64_t> calls;          // system calls for the priming, where they can be counted
    std::uint64_t requests_of_calls = 0;         // that it answered with them
    tree_memory at_rest;                         // when it was ready
    tree_memory memory;                          // the largest of those seen near the end of the load
};

/// What one worker did until near the end of the load, as the server's scoreboard told.
struct worker_use {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
};

/// The same load at a fixed rate, a share of the one found: its report.
struct open_load {
    double share = 0;
    load_report load;
};

struct measurement {
    cell where;
    std::string problem; // why it does not count; empty where it does
    bool left_cleanly = false;
    std::chrono::microseconds start_time{}; // until it listened
    std::chrono::microseconds stop_time{};  // from SIGTERM to its end
    load_report load;
    std::vector<open_load> open;
    server_use server;
    std::vector<worker_use> workers; // none: a server of others, or it had none
    host_noise meanwhile{};          // from before its start until after its end

    /// Of the connections that there were to be, some were never served: the model cannot do it.
    [[nodiscard]] bool is_empty(const workload& wanted) const {
        return problem.empty() && load.served < wanted.connections;
    }
};

/// Carries out one cell of the plan. A server or a load that fails is a finding, told in `problem`.
/// Nothing: a stop was requested meanwhile (stop_signal); what ran is killed.
std::optional<measurement> measure(const plan& all, const cell& where);

/// After SIGTERM: ours end with 0. Most programs of others know nothing of it, so that it ends them
/// (signal(7)), or the shell that they were started by.
bool ended_well(const process_end& end, bool is_ours);

} // namespace parley
