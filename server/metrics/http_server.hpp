// The one file behind which the HTTP library stands: it is slow to compile, and nobody else needs it.
#pragma once

#include "common/unique_fd.hpp"

#include <functional>
#include <string>

namespace parley {

/// Answers GET /metrics on a listening socket with `text()`, and any other path with a hint. `text` is called
/// by several threads. Returns only where the socket fails.
void serve_metrics(unique_fd door, const std::function<std::string()>& text);

} // namespace parley
