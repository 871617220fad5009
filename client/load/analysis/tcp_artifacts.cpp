// A cluster is a range of times with many entries between two ranges with few. A slow server spreads its times,
// a timer concentrates them.
#include "client/load/analysis/tcp_artifacts.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Returns how many times lie in [from, to).
std::uint64_t count_between(const histogram& times, nanoseconds from, nanoseconds to) {
    const auto counts = times.counts();
    std::uint64_t sum = 0;
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
        const auto value = histogram::largest_in(slot);
        if (value >= to) break;
        if (value >= from) sum += counts[slot];
    }
    return sum;
}

/// Returns the size of the cluster at a timer's value; 0 if there is none.
std::uint64_t cluster_at(const histogram& times, nanoseconds timer) {
    // Fewer entries are a matter of chance; a cluster has four times as many as both neighbours together.
    constexpr std::uint64_t fewest = 5;
    constexpr std::uint64_t steepness = 4;
    // Replies arrive shortly after the timer, not before it. The 2 % are a tolerance for rounding.
    const auto inside = count_between(times, timer - timer / 50, timer + timer / 5);
    const auto before = count_between(times, timer * 3 / 4, timer - timer / 50);
    const auto after = count_between(times, timer + timer / 5, timer * 3 / 2);
    return inside >= fewest && inside >= steepness * std::max<std::uint64_t>(before + after, 1) ? inside : 0;
}

} // namespace

std::vector<tcp_artifact> tcp_artifacts_in(const load_result& result) {
    std::vector<tcp_artifact> found;
    const auto& asked = result.stats.has_schedule ? result.stats.uncorrected : result.stats.latency;
    if (const auto count = cluster_at(asked, 40ms))
        found.push_back(
            {"delayed-ack", count,
             "replies after 40 ms: one end holds back a small segment until the one before is acknowledged "
             "(Nagle's algorithm), and the other delays that acknowledgement; set TCP_NODELAY, or send each "
             "reply with one write"});
    if (const auto count = cluster_at(asked, 200ms))
        found.push_back(
            {"retransmission", count,
             "replies after 200 ms, the shortest retransmission timeout: segments were lost; see nstat "
             "TcpRetransSegs, and look for a full queue on the path"});
    for (const auto retry : {1'000ms, 3'000ms, 7'000ms})
        if (const auto count = cluster_at(result.connecting, retry))
            found.push_back(
                {"syn-retry", count,
                 fmt::format("connections made after {}, when the SYN was sent again: the backlog was full; "
                             "raise the server's backlog and net.core.somaxconn, or accept "
                             "faster",
                             format_duration(nanoseconds{retry}))});
    // The kernel completes a connection before the server accepts it, so only its first reply is late.
    if (const auto first = settled_percentile(result.stats.first_answers, 50),
        usual = settled_percentile(asked, 50);
        first && usual && *first > 10 * *usual && *first > 1ms)
        found.push_back(
            {"accept-queue", result.stats.first_answers.count(),
             fmt::format("connections had their first reply after {} (median), and later ones after {}: they "
                         "waited in the backlog until the server accepted them, or had a free worker",
                         format_duration(*first), format_duration(*usual))});
    return found;
}

} // namespace parley
