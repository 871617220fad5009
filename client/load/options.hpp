// What a load is to be, as the command line or a test says it.
#pragma once

#include "client/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley {

struct load_options {
    std::string target; // as address::resolve() takes it
    std::string service = "echo";
    request_options requests;
    int connections = 1;
    std::optional<std::chrono::milliseconds> duration; // of the whole run; this or the next one is given
    std::optional<std::uint64_t> total;                // requests of all connections together
    std::optional<std::chrono::milliseconds> warm_up;  // at the beginning, not counted
    std::chrono::milliseconds timeout{10'000};         // for a connection to be made, and for each answer
    std::vector<double> percentiles;                   // that the run must be long enough for
};

/// The warm-up given, or else a tenth of the duration, at most a second; none where requests are counted.
std::chrono::milliseconds warm_up_of(const load_options& options);

/// Throws std::invalid_argument for options that contradict each other.
void check_consistency(const load_options& options);

} // namespace parley
