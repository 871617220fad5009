// Results as JSON: the lines of cells.jsonl, and the whole result.json. Members: docs/schemas/.
#pragma once

#include "client/compare/host/machine.hpp"
#include "client/compare/measure/measure_cell.hpp"
#include "client/compare/plan/plan.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace parley {

/// The results of a run, which may be incomplete.
struct results {
    plan planned;
    machine where;
    std::string begun; // "2026-03-01 12:00", local time
    std::vector<measurement> done;
    std::map<std::string, std::string> programs{}; // digest_of() each, by name; empty: earlier versions

    /// Throws std::invalid_argument if the programs differ from those of this run, or if this machine is not
    /// `where`. Measurements of different builds or machines are not comparable.
    void check_origin() const;

    /// Returns the mean host noise of the measurements.
    [[nodiscard]] host_noise mean_noise() const;
};

/// Returns digest_of() each program of the plan, by name.
std::map<std::string, std::string> digests_of(const plan& plan);

nlohmann::ordered_json json_of(const plan& plan, const measurement& measurement);
nlohmann::ordered_json json_of(const machine& machine);
machine machine_from(const nlohmann::ordered_json& object);

/// Throws std::runtime_error if `object` is no measurement of this plan.
measurement measurement_from(const plan& plan, const nlohmann::ordered_json& object);

/// Returns the result.json. Its "schema" changes if programs that read the previous one would misread it. If
/// some of the plan is not measured, "complete" is false.
nlohmann::ordered_json json_of(const results& results);

/// Parses a result.json. Throws std::runtime_error with one line if it is none.
results results_from(const nlohmann::ordered_json& record);

/// True if nothing is left to measure. A cell that was empty twice, or once with less than three quarters of
/// the connections served, is not measured again.
bool is_complete(const plan& plan, const std::vector<measurement>& done);

/// Returns the cells that are left to measure, in order.
std::vector<cell> cells_left(const plan& plan, const std::vector<measurement>& done);

} // namespace parley
