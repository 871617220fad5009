// JSON output of parley-top. docs/schemas/parley-top.schema.json describes its members.
#pragma once

#include "client/top/observation.hpp"

#include <string>

namespace parley {

/// Returns the JSON document, with a newline at its end.
std::string snapshot_json(const server_description& server, const observation& observation);

} // namespace parley
