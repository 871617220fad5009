// What parley-load can do: a single load, a series, two servers in alternation, a search, or work as an agent.
#pragma once

#include "client/load/command_line.hpp"

namespace parley {

/// Carries out the command that the options ask for. Returns the exit status.
int run_command(const load_arguments& arguments);

} // namespace parley
