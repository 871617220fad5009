// What became of a load.
#pragma once

#include "client/conversation/histogram.hpp"
#include "client/conversation/run_stats.hpp"
#include "client/load/analysis/baseline.hpp"
#include "client/load/analysis/throughput_series.hpp"
#include "client/load/engine/kernel_counters.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace parley {

/// What a process used (getrusage(2)).
struct cpu_time {
    std::chrono::microseconds user{};
    std::chrono::microseconds system{};
};

enum class ending {
    time_over,
    requests_done,
    interrupted,
    connect_failed, // not one connection could be made
    no_progress     // no answer for as long as the time-out
};

struct load_result {
    run_stats stats;
    histogram connecting;               // how long each connection took, of all the run
    histogram handshaking;              // ... and after that its TLS handshake
    std::string tls;                    // what the first of them agreed upon
    std::uint64_t connected = 0;        // how many they were
    int served = 0;                     // of the connections at a time: those that had an answer before the end
    int unanswered = 0;                 // ... those that asked, and had none
    std::chrono::nanoseconds counted{}; // time without the warm-up, up to the end or the last answer
    cpu_time used;                      // our own, in that time
    double max_thread_cpu = 0;          // of our threads, the one that used most: its share of a processor
    std::chrono::nanoseconds starved{}; // of that time: when a thread was due to look at the clock, and did not
                                        // run; or when the control group had used up its share
    std::vector<throughput_sample> throughput;     // of that time
    interval_metrics parts;             // of the intervals of that time
    std::vector<std::uint64_t> shares;  // answers to each of the connections that compete for that time
    std::uint64_t due = 0;              // with a schedule: requests that were due in that time
    std::uint64_t never_sent = 0;       // ... and were not sent: no connection was free until the end
    std::uint64_t reconnected = 0;      // connections that were made again after they had failed
    std::chrono::nanoseconds longest_gap{}; // of those: the longest time without a connection
    kernel_counters network;                // what they have counted from the beginning to the end
    ending end = ending::time_over;
    std::vector<std::string> lost_agents; // whose part is missing: which and why

    /// Answers per second; 0 where no time was counted.
    [[nodiscard]] double rate() const;

    /// Adds what another thread of the same load has done.
    void add(const load_result& other);
};

} // namespace parley
