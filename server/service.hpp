// Services: what the server does for a client, as session coroutines that know nothing of sockets, threads
// or processes. One table names them all.
#pragma once

#include "common/session/session.hpp"
#include "server/visit_counter.hpp"

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace parley {

/// What services are told when the server starts.
struct service_options {
    std::string greeting = "welcome to here";
    visit_counter::kind counter = visit_counter::kind::mutex;
    int max_digits = 10'000;                    // of pi, for one request
    std::chrono::milliseconds max_wait{60'000}; // for one request
};

/// What all sessions of one server share, in whichever process or thread they run.
struct server_state {
    server_state(const service_options& given, int workers) : options{given}, visits{given.counter, workers} {}

    const service_options options;
    visit_counter visits;
};

/// A service as a model sees it: each call opens a session with a new client.
using service = std::function<session()>;

/// A row of the table.
struct service_entry {
    std::string_view name;
    std::string_view summary;
    session (*open)(server_state& shared);
    bool datagrams =
        false; // its answers are no larger than their requests, or small: nobody is flooded with them
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
