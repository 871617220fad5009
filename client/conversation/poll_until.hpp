// Waits for descriptors no longer than up to a point in time.
#pragma once

#include <chrono>
#include <optional>
#include <poll.h>
#include <span>

namespace parley {

/// Waits until one of the descriptors is ready (poll(2); a negative one is ignored). False: none was by the
/// deadline; without one it waits for ever.
bool poll_until(std::optional<std::chrono::steady_clock::time_point> deadline, std::span<pollfd> watched);

} // namespace parley
