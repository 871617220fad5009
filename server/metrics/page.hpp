// The HTTP page that Prometheus scrapes, as a session: it does no I/O, and an event loop of the server serves
// it. It implements as much of HTTP/1.1 (RFC 9112) as a GET of one page needs.
#pragma once

#include "common/session/session.hpp"

#include <functional>
#include <string>

namespace parley {

/// Replies to one request and closes the connection: a GET or HEAD of /metrics with `text()`, any other with an
/// error status. `text` must outlive the session.
session metrics_page(const std::function<std::string()>& text);

} // namespace parley
