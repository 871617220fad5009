// Many clients of a check at the same time, in one poll(2) loop. Each knows which bytes are its own, so that
// those of another client are noticed.
#pragma once

#include "client/check/examination.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace parley {

struct group_plan {
    std::size_t clients = 20;
    std::size_t requests = 1000;        // of all clients together
    std::size_t batch = 1;              // requests that a client sends together
    std::size_t size = 64;              // largest request in bytes
    std::size_t per_connection = 0;     // batches, then the client closes and connects again; 0: it stays
    bool begins_suspended = false;      // the server is stopped until all have connected and sent
    bool may_be_refused = false;        // a connection that the server closes at once is counted, no failure
    std::chrono::milliseconds time{0};  // then no more requests are sent; 0: no limit
    std::chrono::milliseconds pause{0}; // before clients read: the server has all CPUs, and its threads meet
};

struct group_result {
    std::size_t replies = 0;
    std::size_t connections = 0;
    std::size_t refused = 0;
    std::vector<unsigned long> numbers; // the replies of the profile counter, in no order
};

/// Runs the clients. Ends the check if one gets wrong bytes (hint "crossed-bytes" if they are those of another
/// client), loses its connection ("lost-client"), or gets no reply ("silent-client").
group_result run_group(examination& examination, const group_plan& plan);

/// Connects `count` clients that send nothing, without waiting for their connections.
std::vector<unique_fd> connect_silently(examination& examination, std::size_t count);

/// Returns how many of the sockets are connected after `time`, or when all are.
std::size_t count_connected(const std::vector<unique_fd>& sockets, std::chrono::milliseconds time);

/// Connects `count` clients to `clients`, lets each send a request, and returns how many get a reply. All stay
/// connected. Waits until all have one, or none has come for half a second while the server slept.
std::size_t count_served(examination& examination, std::size_t count, std::vector<unique_fd>& clients);

} // namespace parley
