// Result of a load: what the threads measured, added up.
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

/// CPU time that was used (getrusage(2)).
struct cpu_time {
    std::chrono::microseconds user{};
    std::chrono::microseconds system{};
};

enum class ending {
    time_over,
    requests_done,
    interrupted,
    connect_failed, // no connection could be made
    no_progress     // no reply within the timeout
};

struct load_result {
    run_stats stats;
    histogram connecting;        // time to connect, over the whole run
    histogram handshaking;       // time of the TLS handshakes after that
    std::string tls;             // version and cipher of the first handshake
    std::uint64_t connected = 0; // connections made
    int served = 0;              // concurrent connections that had a reply
    int unanswered = 0;          // concurrent connections that sent a request and had no reply

    /// The counted time: without the warm-up, up to the end or the last reply. What follows refers to it.
    std::chrono::nanoseconds counted{};
    cpu_time used;             // CPU time of the generator
    double max_thread_cpu = 0; // share of a CPU that the busiest thread used
    /// Time in which a thread was due to read the clock and did not run, or was throttled by its cgroup.
    std::chrono::nanoseconds starved{};
    std::vector<throughput_sample> throughput;
    interval_metrics per_interval;
    std::vector<std::uint64_t> shares; // replies per connection, if all_saturating()
    std::uint64_t due = 0;             // requests that were due (open loop)
    std::uint64_t never_sent = 0;      // requests that were due, but found no free connection until the end

    std::uint64_t reconnected = 0;          // connections made again after a failure
    std::chrono::nanoseconds longest_gap{}; // longest time without that connection
    kernel_counters network;                // difference between the end and the beginning of the run
    ending end = ending::time_over;
    std::vector<std::string> lost_agents; // agents whose part is missing, and why

    /// Returns replies per second; 0 if no time was counted.
    [[nodiscard]] double rate() const;

    /// Adds the result of another thread or agent of the same load.
    void add(const load_result& other);
};

} // namespace parley
