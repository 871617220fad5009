// Live display of parley-top: redraws the page in place on a terminal while the server runs.
#pragma once

#include "common/scoreboard/scoreboard_view.hpp"

#include <chrono>

namespace parley {

/// Shows the page until the user quits or the server ends. Prints a line if the server has ended.
void watch(scoreboard_view& view, std::chrono::milliseconds interval);

} // namespace parley
