// Measurement of one cell: a new server, loaded by parley-load, observed from outside, and stopped.
#pragma once

#include "client/compare/host/host_noise.hpp"
#include "client/compare/measure/load_report.hpp"
#include "client/compare/plan/plan.hpp"
#include "common/process/process_tree.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley {

/// Resources that the processes of a server used from start to end, and at two times between: when it was
/// ready, and after all loads (priming, warm-up and measured time).
struct server_use {
    std::chrono::microseconds user{};
    std::chrono::microseconds system{};
    std::int64_t voluntary_switches = 0;   // it waited (ru_nvcsw)
    std::int64_t involuntary_switches = 0; // it was preempted (ru_nivcsw)
    std::int64_t page_faults = 0;
    std::chrono::microseconds cpu_when_ready{};
    std::chrono::microseconds cpu_when_loaded{}; // 0: unknown (results of earlier versions)
    std::uint64_t requests = 0;                  // answered between the two times
    std::uint64_t connections = 0;               // made between the two times
    std::optional<std::uint64_t> calls;          // system calls of the priming; nullopt: not countable
    std::uint64_t requests_of_calls = 0;         // answered by those system calls
    tree_memory at_rest;                         // when ready
    tree_memory memory;                          // near the end of the load
};

/// Counters of one worker near the end of the load, from the server's scoreboard.
struct worker_use {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
};

/// Report of an open load at `share` of the measured rate.
struct open_load {
    double share = 0;
    load_report load;
};

struct measurement {
    cell where;
    std::string problem; // why it is not valid; empty: valid
    bool left_cleanly = false;
    std::chrono::microseconds start_time{}; // until it was ready
    std::chrono::microseconds stop_time{};  // from SIGTERM to exit
    load_report load;
    std::vector<open_load> open;
    server_use server;
    std::vector<worker_use> workers; // empty: no readable scoreboard
    host_noise noise{};              // from before its start to after its end

    /// True if some connections were never served: the model cannot sustain this workload.
    [[nodiscard]] bool is_empty(const workload& workload) const {
        return problem.empty() && load.served < workload.connections;
    }
};

/// Measures one cell of the plan. A failing server or load is a finding and is reported in `problem`. Returns
/// nullopt if a shutdown was requested before its end (stop_signal); running programs are killed.
std::optional<measurement> measure(const plan& plan, const cell& cell);

/// True if a server ended correctly after SIGTERM: exit code 0. A third-party server may also be killed by
/// SIGTERM, if it has no handler (signal(7)), or its shell may report that.
bool has_ended_well(const process_end& end, bool is_parley_server);

} // namespace parley
