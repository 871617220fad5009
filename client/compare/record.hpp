// Everything that was measured, as JSON: what a later report, or anybody's own, is made from.
#pragma once

#include "client/compare/disturbance.hpp"
#include "client/compare/machine.hpp"
#include "client/compare/measure.hpp"
#include "client/compare/plan.hpp"

#include <string>
#include <vector>

namespace parley {

/// The whole comparison; its "schema" changes whenever a reader of the older form would misread it. README.md
/// beside this file tells the fields. `done` may be less than the plan: then "complete" is false.
std::string record_of(const plan& all, const std::vector<measurement>& done, const machine& where,
                      const disturbance& meanwhile);

} // namespace parley
