// Latency artifacts of TCP: timers of TCP cluster replies at 40 ms, 200 ms, 1 s or 3 s (tcp(7), RFC 1122, RFC
// 6298). Naming the timer saves the search for the cause in the server's code.
#pragma once

#include "client/load/engine/load_result.hpp"

#include <string>
#include <vector>

namespace parley {

struct tcp_artifact {
    std::string code;        // one of "delayed-ack", "retransmission", "syn-retry", "accept-queue"
    std::uint64_t count = 0; // replies or connections that are affected
    std::string text;        // a sentence: the cause, and what helps
};

/// Returns the artifacts that the latencies of a run show.
std::vector<tcp_artifact> tcp_artifacts_in(const load_result& result);

} // namespace parley
