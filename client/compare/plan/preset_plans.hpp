// The plans that parley-compare knows by itself: few but telling measurements in three minutes (quick), the
// same questions with more models, levels and rounds in half an hour (full).
#pragma once

#include "client/compare/host/machine.hpp"
#include "client/compare/plan/plan.hpp"

#include <string>
#include <vector>

namespace parley {

enum class plan_size { quick, full };

/// Adds the workloads of the wanted questions (none: all) for the contenders of the plan, and the variants of
/// their models that some questions need. What nobody of them takes part in is left out; servers of others take
/// part where `foreign_service` is asked for. No workload has more connections than the machine allows, and one
/// of a full plan has about as many.
void add_questions(plan& to, plan_size how_much, const std::vector<std::string>& questions,
                   const std::string& foreign_service, const machine& here);

/// What can be asked for, in the order of the report.
std::vector<std::string> all_questions();

} // namespace parley
