// What a server says when it leaves: what each worker did, and what processor time it took.
#pragma once

#include "common/scoreboard/scoreboard.hpp"

#include <string>

namespace parley {

/// A table of the workers that had a connection, and the time used by this process and its reaped children
/// (getrusage(2)). Many workers are summed up.
std::string summary_of(const scoreboard& board);

} // namespace parley
