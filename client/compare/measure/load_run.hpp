// One run of parley-load against a server, as a separate process with the CPU affinity of the plan.
#pragma once

#include "client/compare/measure/load_report.hpp"
#include "client/compare/plan/plan.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace parley {

struct load_mode {
    std::chrono::milliseconds warm_up{};
    bool is_watched = false;      // call `watch` after the measured time, see run_load()
    std::optional<double> rate{}; // fixed requests per second; nullopt: a closed loop
};

struct load_outcome {
    load_report measured;
    std::optional<load_report> background; // of the background clients
};

/// Loads `server` at `address`. Reads its output at the same time, so that it cannot block on a full pipe. If
/// the load is watched, calls `watch` once with the processes of the load: after the measured time, while all
/// connections are still open. Returns nullopt if a shutdown was requested. Throws std::runtime_error if there
/// is no report.
std::optional<load_outcome> run_load(const plan& plan, subprocess& server, const std::string& address,
                                     const workload& load, const load_mode& mode,
                                     const std::function<void(std::span<const pid_t>)>& watch);

} // namespace parley
