// parley-top on a terminal: the page, drawn anew in place as long as the server runs.
#pragma once

#include "common/scoreboard/scoreboard_view.hpp"

#include <chrono>

namespace parley {

/// Shows it until the user quits or the server ends, which it says.
void watch(scoreboard_view& view, std::chrono::milliseconds interval);

} // namespace parley
