// Preset plans: quick (about three minutes), and full (about half an hour) with more models, levels and rounds.
#pragma once

#include "client/compare/host/machine.hpp"
#include "client/compare/plan/plan.hpp"

#include <string>
#include <vector>

namespace parley {

enum class plan_size { quick, full };

/// Adds the workloads of the given questions (empty: all) for the contenders of the plan, and the variants of
/// their models that some questions need. Workloads without a contender are left out. Third-party servers take
/// part in workloads of `external_service`. No workload has more connections than the machine allows. The
/// largest one of a full plan has about that number.
void add_questions(plan& plan, plan_size size, const std::vector<std::string>& questions,
                   const std::string& external_service, const machine& machine);

/// Returns the names of all questions, in the order of the report.
std::vector<std::string> all_questions();

} // namespace parley
