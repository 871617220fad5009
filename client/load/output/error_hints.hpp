// Hints for failures: the most likely cause, and what helps.
#pragma once

#include "client/conversation/failures.hpp"

#include <string_view>

namespace parley {

/// Returns the hint for a kind of failure; empty if there is none.
std::string_view hint_for(const failure& failure);

} // namespace parley
