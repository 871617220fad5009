// Delays that TCP is known for leave their mark in the latencies: a heap of answers round 40 ms, 200 ms, 1 s or
// 3 s. Who knows the mark knows the cause, and looks no longer for it in the server's code.
#pragma once

#include "client/load/engine/load_result.hpp"

#include <string>
#include <vector>

namespace parley {

struct tcp_artifact {
    std::string code;        // for programs: "delayed-ack", "retransmission", "syn-retry", "accept-queue"
    std::uint64_t count = 0; // so many answers or connections bear it
    std::string text;        // for people: what it is, and what helps
};

std::vector<tcp_artifact> tcp_artifacts_in(const load_result& result);

} // namespace parley
