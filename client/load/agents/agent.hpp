// Agent of a distributed load: generates its share of the load on behalf of a controller (controller.hpp),
// which usually runs on another machine.
#pragma once

#include "common/net/address.hpp"
#include "common/net/listener.hpp"

#include <functional>
#include <string>
#include <vector>

namespace parley {

/// Serves controllers that know the secret, one at a time, until a stop is requested (stop_signal.hpp). A load
/// ends when its controller disconnects. Connections use `sources` in turn; if there are none, the kernel
/// chooses. `log` receives a line for each event.
void serve_controllers(listener& listener, const std::string& secret, const std::vector<address>& sources,
                       const std::function<void(const std::string& line)>& log);

} // namespace parley
