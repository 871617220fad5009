// The table of services. A service is what the server does for a client: a session coroutine that knows nothing
// of sockets, threads or processes. Read common/session/session.hpp first.
#pragma once

#include "common/session/session.hpp"
#include "server/visit_counter.hpp"

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace parley {

/// The options of all services.
struct service_options {
    std::string greeting = "welcome to here";
    visit_counter::kind counter = visit_counter::kind::mutex;
    int max_digits = 10'000;                    // of pi, for one request
    std::chrono::milliseconds max_wait{60'000}; // for one request
};

/// The state that all sessions of one server share, whatever process or thread runs them.
struct server_state {
    server_state(const service_options& service_options, int workers)
        : options{service_options}, visits{service_options.counter, workers} {}

    const service_options options;
    visit_counter visits;
};

/// A service as a model sees it: each call makes a session for a new client.
using service = std::function<session()>;

/// A row of the table.
struct service_entry {
    std::string_view name;
    std::string_view summary;
    session (*open)(server_state& shared);
    /// May be served over datagrams. Its replies are small, or no larger than their requests: the source
    /// address of a request can be forged, and a larger reply would let an attacker flood a third host.
    bool datagrams = false;
};

std::span<const service_entry> services();

// The services, one file each in server/services/.
session welcome(server_state& shared);
session echo(server_state& shared);
session counter(server_state& shared);
session hello(server_state& shared);
session pi(server_state& shared);
session wait(server_state& shared);

} // namespace parley
