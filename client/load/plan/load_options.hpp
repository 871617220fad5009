// Options of a load, and what follows from them: duration, warm-up, rate, and whether they are consistent.
#pragma once

#include "client/conversation/request_cycle.hpp"
#include "client/conversation/tls.hpp"
#include "client/load/plan/schedule.hpp"
#include "client/load/plan/threshold.hpp"
#include "common/net/address.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley {

struct load_options {
    std::string target;                      // as address::resolve() takes it
    std::vector<std::string> command_line{}; // of the program, for its report
    std::string service = "echo";
    request_options requests;
    int connections = 1;
    std::optional<std::chrono::milliseconds> duration; // warm-up included; either this or `total` is set
    std::optional<std::uint64_t> total;                // requests of all connections together
    std::optional<std::chrono::milliseconds> warm_up;  // first part of the run, not counted
    std::chrono::milliseconds cool_down{};             // after the duration, not counted
    std::chrono::milliseconds timeout{10'000};         // to connect, and for each reply
    int threads = 1;
    int agent = 0; // index of this agent, from 0, among the `agents` that share the load
    int agents = 1;
    std::vector<std::string> agent_names; // endpoints of the agents; empty: this process generates the load

    // ---- Open loop: requests are sent when they are due. ----
    std::optional<double> rate; // requests per second, of all connections together
    arrivals arriving;
    std::vector<stage> stages; // replace rate and duration, or in a closed loop `connections`

    // ---- Closed loop: each connection waits for its reply before the next request. ----
    std::chrono::milliseconds think{};             // pause before each request
    std::chrono::milliseconds expected_interval{}; // intended time between requests; 0: no correction

    std::optional<tls_options> tls;     // nullopt: plain TCP
    std::vector<address> sources;       // used in turn; empty: the kernel chooses
    std::optional<double> connect_rate; // connections per second
    bool exact_timers = false;          // timer slack of 1 ns (PR_SET_TIMERSLACK)

    std::optional<std::chrono::milliseconds> interval; // of the CSV table, the log and the live view
    std::vector<threshold> thresholds;                 // targets that the run must reach
    bool allow_unanswered = false;                     // connections without a reply are not an error
    std::vector<double> percentiles;                   // the run must be long enough for these
};

/// Returns the warm-up. By default a tenth of the duration, at most 1 s; none if requests are counted.
std::chrono::milliseconds warm_up_of(const load_options& options);

/// Returns the interval. By default 1 s, or a tenth of a shorter run.
std::chrono::milliseconds interval_of(const load_options& options);

/// Returns the length of the run; nullopt if it ends after a number of requests.
std::optional<std::chrono::milliseconds> duration_of(const load_options& options);

/// Returns the rate over time; nullopt in a closed loop.
std::optional<profile> rate_of(const load_options& options);

/// Returns the number of connections over time; nullopt if it is constant.
std::optional<profile> connections_over_time(const load_options& options);

/// True if several connections send requests as fast as they can for the same time. Only then their shares of
/// the replies say how fairly the server treats them.
bool all_saturating(const load_options& options);

/// Returns an upper bound of the connections that this agent opens.
int own_connections(const load_options& options);

/// Throws std::invalid_argument if options contradict each other.
void check_consistency(const load_options& options);

} // namespace parley
