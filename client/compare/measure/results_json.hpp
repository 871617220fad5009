// Everything that was measured, as JSON: the lines of a run's cells.jsonl, and the whole result.json.
#pragma once

#include "client/compare/host/machine.hpp"
#include "client/compare/measure/measure_cell.hpp"
#include "client/compare/plan/plan.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace parley {

/// A comparison as far as it has come.
struct results {
    plan planned;
    machine where;
    std::string begun; // "2026-03-01 12:00", local time
    std::vector<measurement> done;
    std::map<std::string, std::string> programs{}; // by name the digest_of() each; none: an earlier version

    /// Throws std::invalid_argument if the programs of the plan are not those of this comparison, or this
    /// machine is another one than `where`: measurements of both in one comparison would compare nothing.
    void check_origin() const;

    [[nodiscard]] host_noise meanwhile() const;
};

/// The digest_of() each program of the plan.
std::map<std::string, std::string> digests_of(const plan& all);

nlohmann::ordered_json json_of(const plan& all, const measurement& one);
nlohmann::ordered_json json_of(const machine& where);
machine machine_from(const nlohmann::ordered_json& text);

/// Throws std::runtime_error where the text is no measurement of this plan.
measurement measurement_from(const plan& all, const nlohmann::ordered_json& text);

/// The whole comparison; its "schema" changes whenever a reader of the older form would misread it. README.md
/// beside this file tells the fields. `done` may be less than the plan: then "complete" is false.
nlohmann::ordered_json record_of(const results& all);

/// Reads a result.json. Throws std::runtime_error with one line where it is none.
results results_from(const nlohmann::ordered_json& record);

/// Is there nothing left to measure? A cell that was empty twice, or once and by far, is not measured again.
bool is_complete(const plan& all, const std::vector<measurement>& done);

/// The cells that are still to be measured, in order.
std::vector<cell> cells_left(const plan& all, const std::vector<measurement>& done);

} // namespace parley
