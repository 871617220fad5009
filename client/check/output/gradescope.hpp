// The scorecard as results.json, which Gradescope reads from an autograder:
// https://gradescope-autograders.readthedocs.io/en/latest/specs/
#pragma once

#include "client/check/output/scorecard.hpp"

#include <nlohmann/json_fwd.hpp>

namespace parley {

/// Returns one test of one point for each check that applies. A check that is not sure gets its point: a busy
/// machine is not the student's fault. A check that was skipped is no test, except one whose premise failed.
nlohmann::json gradescope_of(const scorecard& scorecard);

} // namespace parley
