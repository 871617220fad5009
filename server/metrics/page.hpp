// The page that Prometheus scrapes, as a session like any other: it does no I/O, and a loop of the server's
// own, with its limits, serves it. HTTP/1.1 (RFC 9112), as much of it as GET of one page takes.
#pragma once

#include "common/session/session.hpp"

#include <functional>
#include <string>

namespace parley {

/// Answers one request, and ends the connection: GET or HEAD of /metrics with `text()`, anything else with a
/// status that says what is wrong. `text` must outlive the session.
session metrics_page(const std::function<std::string()>& text);

} // namespace parley
