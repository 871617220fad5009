// Puts load on a server: many connections, each of which asks, waits for the answer, checks every byte and
// asks again (a closed loop). One thread and one epoll(7) loop, so that the generator stays cheap.
#pragma once

#include "client/conversations.hpp"
#include "client/ledger.hpp"
#include "client/load/course.hpp"
#include "client/load/kernel_counters.hpp"
#include "client/load/options.hpp"
#include "common/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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
    nobody_there, // not one connection could be made
    no_progress   // no answer for as long as the time-out
};

struct load_result {
    ledger book;
    histogram connecting;               // how long each connection took, of all the run
    std::uint64_t connected = 0;        // how many they were
    int served = 0;                     // of the connections at a time: those that had an answer before the end
    int unanswered = 0;                 // ... those that asked, and had none
    std::chrono::nanoseconds counted{}; // time without the warm-up, up to the end or the last answer
    cpu_time used;                      // our own, in that time
    double busiest = 0;                 // of our threads, the one that used most: its share of a processor
    std::vector<moment> course;         // of that time
    kernel_counters network;            // what they have counted from the beginning to the end
    ending end = ending::time_over;

    /// Answers per second; 0 where no time was counted.
    [[nodiscard]] double rate() const;
};

/// Called about ten times a second while the load runs.
using load_watch = std::function<void(std::chrono::nanoseconds elapsed, const ledger& so_far)>;

/// Runs the load to its end. A readable `stop` (a descriptor; -1: none) ends it early. Then no more is asked:
/// replies in flight are awaited within their time-out, and connections that never had one are dropped.
/// What goes wrong with a connection is counted, and it is made again.
/// Throws std::invalid_argument for options that contradict each other, std::runtime_error where the host is
/// not known or the process may not have as many descriptors.
load_result generate_load(const load_options& options, int stop, const load_watch& watch);

} // namespace parley
