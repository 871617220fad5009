// The summary that a server prints when it ends: what each worker did, and the CPU time.
#pragma once

#include "common/scoreboard/scoreboard.hpp"

#include <string>

namespace parley {

/// Returns a table of the workers that had a connection, and the CPU time of this process and of its reaped
/// children (getrusage(2)). Only the first 32 workers have a row of their own.
std::string summary_of(const scoreboard& board);

} // namespace parley
