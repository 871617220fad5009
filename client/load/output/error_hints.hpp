// What most likely causes a failure, and what helps.
#pragma once

#include "client/conversation/failures.hpp"

#include <string_view>

namespace parley {

/// One clause for a kind of failure; empty where nothing is known.
std::string_view remedy_for(const failure& one);

} // namespace parley
