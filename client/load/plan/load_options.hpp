// What a load is to be, as the command line or a test says it.
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
    std::optional<std::chrono::milliseconds> duration; // of the whole run; this or the next one is given
    std::optional<std::uint64_t> total;                // requests of all connections together
    std::optional<std::chrono::milliseconds> warm_up;  // at the beginning, not counted
    std::chrono::milliseconds cool_down{};             // after the duration, not counted
    std::chrono::milliseconds timeout{10'000};         // for a connection to be made, and for each answer
    int threads = 1;
    int agent = 0; // our number, from 0, among those who put this load together ...
    int agents = 1;
    std::vector<std::string> agent_names; // of the controller: where they are; none: we load ourselves

    // ---- An open loop: requests are due at times of their own. ----
    std::optional<double> rate; // requests a second, of all connections together
    arrivals arriving;
    std::vector<stage> stages; // instead of rate and duration; or of connections, in a closed loop

    // ---- A closed loop: each connection waits for its answer before it asks again. ----
    std::chrono::milliseconds think{};             // before it asks again
    std::chrono::milliseconds expected_interval{}; // at which requests are meant to come; 0: not known

    std::optional<tls_options> tls;     // none: in the clear
    std::vector<address> sources;       // that connections come from, in turns; none: the kernel chooses
    std::optional<double> connect_rate; // connections a second
    bool exact_timers = false;          // wakes up to the nanosecond (PR_SET_TIMERSLACK)

    std::optional<std::chrono::milliseconds> interval; // of the csv table, the log, the live view
    std::vector<threshold> thresholds;                 // that the run must reach
    bool allow_unanswered = false;                     // connections without any answer are no error
    std::vector<double> percentiles;                   // that the run must be long enough for
};

/// The warm-up given, or else a tenth of the duration, at most a second; none where requests are counted.
std::chrono::milliseconds warm_up_of(const load_options& options);

/// The interval given, or else a second, or a tenth of a shorter run.
std::chrono::milliseconds interval_of(const load_options& options);

/// How long it runs, where that is known.
std::optional<std::chrono::milliseconds> duration_of(const load_options& options);

/// When requests are due; nothing: in a closed loop.
std::optional<profile> rate_of(const load_options& options);

/// How many connections there are when; nothing: all the time the same.
std::optional<profile> connections_over_time(const load_options& options);

/// Do several connections ask as often as they can, all for the same time, so that it can be said how evenly
/// they were served?
bool all_saturating(const load_options& options);

/// How many of all connections are ours at the most, where agents share them.
int own_connections(const load_options& options);

/// Throws std::invalid_argument for options that contradict each other.
void check_consistency(const load_options& options);

} // namespace parley
