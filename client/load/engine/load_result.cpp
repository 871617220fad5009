#include "client/load/engine/load_result.hpp"

#include "common/duration.hpp"

#include <algorithm>

namespace parley {

namespace {

/// Returns the state of a series at `time`, interpolated linearly between the samples around it. Threads sample
/// at nearly, but not exactly, the same times.
throughput_sample interpolated(const std::vector<throughput_sample>& throughput,
                               std::chrono::nanoseconds time) {
    const auto after = std::find_if(throughput.begin(), throughput.end(),
                                    [&](const throughput_sample& sample) { return sample.at >= time; });
    if (after == throughput.begin()) return throughput.empty() ? throughput_sample{} : throughput.front();
    if (after == throughput.end()) return throughput.back();
    const auto& before = *(after - 1);
    const std::chrono::duration<double> elapsed = time - before.at, whole = after->at - before.at;
    const double part = elapsed / whole;
    return {time,
            before.answered +
                static_cast<std::uint64_t>(part * static_cast<double>(after->answered - before.answered)),
            before.latency_sum + part * (after->latency_sum - before.latency_sum)};
}

} // namespace

double load_result::rate() const {
    return counted.count() > 0 ? static_cast<double>(stats.answered) / in_seconds(counted) : 0;
}

void load_result::add(const load_result& other) {
    stats.add(other.stats);
    connecting.add(other.connecting);
    handshaking.add(other.handshaking);
    if (tls.empty()) tls = other.tls;
    connected += other.connected;
    served += other.served;
    unanswered += other.unanswered;
    counted = std::max(counted, other.counted);
    used = {used.user + other.used.user, used.system + other.used.system};
    max_thread_cpu = std::max(max_thread_cpu, other.max_thread_cpu);
    starved = std::max(starved, other.starved);
    for (auto& sample : throughput) {
        const auto other_sample = interpolated(other.throughput, sample.at);
        sample.answered += other_sample.answered;
        sample.latency_sum += other_sample.latency_sum;
    }
    shares.insert(shares.end(), other.shares.begin(), other.shares.end());
    due += other.due;
    never_sent += other.never_sent;
    reconnected += other.reconnected;
    longest_gap = std::max(longest_gap, other.longest_gap);
    end = std::max(end, other.end);
}

} // namespace parley
