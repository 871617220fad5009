// One run of parley-load against a server, in a process of its own, on the cores that the plan gives it.
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
    bool is_watched = false;      // after it was counted, see run_load()
    std::optional<double> rate{}; // requests per second, fixed; none: each connection asks when it was answered
};

struct load_outcome {
    load_report measured;
    std::optional<load_report> beside; // of the disturbers
};

/// Loads `server` at `address`, whose output is read meanwhile, so that it cannot block on a full pipe. If it
/// is watched, calls `watch` with the processes of the load, once: when it was counted, and all its connections
/// are still there. Returns nullopt if a stop was requested. Throws std::runtime_error if there is no report.
std::optional<load_outcome> run_load(const plan& all, subprocess& server, const std::string& address,
                                     const workload& load, const load_mode& manner,
                                     const std::function<void(std::span<const pid_t>)>& watch);

} // namespace parley
