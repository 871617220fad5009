// A heap is a range of times that holds many, while the ranges on either side of it hold few: a slow server has
// its times everywhere, a timer has them in one place.
#include "client/load/analysis/tcp_artifacts.hpp"

#include "common/human_numbers.hpp"

#include "client/load/engine/percentiles.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// How many times lie in [from, to).
std::uint64_t count_between(const histogram& times, nanoseconds from, nanoseconds to) {
    const auto counts = times.counts();
    std::uint64_t all = 0;
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
        const auto value = histogram::largest_in(slot);
        if (value >= to) break;
        if (value >= from) all += counts[slot];
    }
    return all;
}

/// How many stand in the heap at that time; 0: there is none.
std::uint64_t heap_at(const histogram& times, nanoseconds timer) {
    constexpr std::uint64_t fewest = 5;
    constexpr std::uint64_t steepness = 4;
    // A timer's answers come a little later than it, never earlier; what came in its last moments is the
    // rest's.
    const auto here = count_between(times, timer - timer / 50, timer + timer / 5);
    const auto before = count_between(times, timer * 3 / 4, timer - timer / 50);
    const auto after = count_between(times, timer + timer / 5, timer * 3 / 2);
    return here >= fewest && here >= steepness * std::max<std::uint64_t>(before + after, 1) ? here : 0;
}

} // namespace

std::vector<tcp_artifact> tcp_artifacts_in(const load_result& result) {
    std::vector<tcp_artifact> found;
    const auto& asked = result.stats.has_schedule ? result.stats.uncorrected : result.stats.latency;
    if (const auto count = heap_at(asked, 40ms))
        found.push_back(
            {"delayed-ack", count,
             "answers after 40 ms: one end holds back a small segment until the one before is acknowledged "
             "(Nagle), and the other delays that acknowledgement; set TCP_NODELAY, or write an answer at "
             "once"});
    if (const auto count = heap_at(asked, 200ms))
        found.push_back(
            {"retransmission", count,
             "answers after 200 ms, the shortest retransmission time-out: segments were lost; see nstat "
             "TcpRetransSegs, and look for a full queue on the way"});
    for (const auto retry : {1'000ms, 3'000ms, 7'000ms})
        if (const auto count = heap_at(result.connecting, retry))
            found.push_back(
                {"syn-retry", count,
                 fmt::format("connections made after {}, when the first segment was sent again: the listener's "
                             "queue was full; raise the server's backlog and net.core.somaxconn, or accept "
                             "faster",
                             format_duration(nanoseconds{retry}))});
    // Connections are made by the kernel at once; their first answer waits until the server accepts them.
    if (const auto first = settled_percentile(result.stats.first_answers, 50),
        usual = settled_percentile(asked, 50);
        first && usual && *first > 10 * *usual && *first > 1ms)
        found.push_back(
            {"accept-queue", result.stats.first_answers.count(),
             fmt::format("connections had their first answer after {} (median), and later ones after {}: they "
                         "wait until the server accepts them, or gets a worker ready",
                         format_duration(*first), format_duration(*usual))});
    return found;
}

} // namespace parley
