// An agent: puts its part of a load on a server, for a controller on another machine or this one
// (controller_of_agents.hpp).
#pragma once

#include "common/net/address.hpp"
#include "common/net/listener.hpp"

#include <functional>
#include <string>
#include <vector>

namespace parley {

/// Serves controllers that know the secret, one after the other, until a stop is requested (stop_signal.hpp).
/// What is worth telling it says, a line each. A controller that goes ends its load. Connections come from
/// `sources`, in turns; none: the kernel chooses.
void serve_controllers(listener& endpoint, const std::string& secret, const std::vector<address>& sources,
                       const std::function<void(const std::string& line)>& say);

} // namespace parley
