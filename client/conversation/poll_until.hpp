// poll(2) with a deadline.
#pragma once

#include <chrono>
#include <optional>
#include <poll.h>
#include <span>

namespace parley {

/// Waits until an fd is ready; negative fds are ignored. Returns false if none is ready by the deadline.
/// Without a deadline it waits indefinitely.
bool poll_until(std::optional<std::chrono::steady_clock::time_point> deadline, std::span<pollfd> entries);

} // namespace parley
