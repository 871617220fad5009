// The same for programs: one JSON document, whose members client/top/README.md lists.
#pragma once

#include "client/top/observation.hpp"

#include <string>

namespace parley {

std::string record_of(const server_description& server, const observation& seen);

} // namespace parley
