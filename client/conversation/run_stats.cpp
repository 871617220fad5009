#include "client/conversation/run_stats.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

void run_stats::record(const completed_request& result) {
    ++all_answered;
    latest = result.verified;
    if ((has_schedule ? result.due : result.verified) < from ||
        (has_schedule ? result.due : result.asked) > until)
        return;
    latency.record(result.verified - result.due);
    if (recent && result.verified <= until) recent->record(result.verified - result.due);
    if (has_schedule) {
        uncorrected.record(result.verified - result.asked);
        send_lag.record(result.asked - std::max(result.due, result.free_since));
    }
    // Adds the requests that a client sending at this interval would have sent during this response (correction
    // of coordinated omission, as in HdrHistogram).
    if (expected_interval.count() > 0)
        for (auto time = result.verified - result.asked; time.count() > 0; time -= expected_interval)
            corrected.record(time);
    if (result.verified > until) return;
    ++answered;
    bytes_sent += result.bytes_sent;
    bytes_received += result.bytes_received;
}

void run_stats::enter_unanswered(clock::time_point due, std::optional<clock::time_point> asked,
                                 clock::time_point now) {
    if ((has_schedule ? due : now) < from || (has_schedule ? due : asked.value_or(due)) > until) return;
    latency.record(now - due);
    bounds.record(now - due);
    if (!asked) return;
    if (has_schedule) uncorrected.record(now - *asked);
    if (expected_interval.count() > 0)
        for (auto time = now - *asked; time.count() > 0; time -= expected_interval) corrected.record(time);
}

std::optional<std::chrono::nanoseconds> run_stats::most_at_percentile(double percent) const {
    const auto rank = latency.count() - latency.count_beyond(percent);
    const auto counts = latency.counts(), unanswered = bounds.counts();
    std::uint64_t passed = 0;
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
        passed += counts[slot] - unanswered[slot];
        if (passed >= rank) return std::min(histogram::largest_in(slot), latency.max());
    }
    return std::nullopt;
}

bool run_stats::rests_on_bounds(double percent) const {
    if (bounds.count() == 0) return false;
    const auto most = most_at_percentile(percent);
    return !most || *most * 20 > latency.value_at_percentile(percent) * 21;
}

run_stats::tally run_stats::totals() const {
    const auto count = [&](std::string_view cause) { return errors.count(phase::verify, cause); };
    tally sums{.sent = all_asked, .answered = all_answered, .given_up = all_given_up};
    const auto known = all_answered + all_wrong + all_given_up;
    sums.lost = all_asked - std::min(all_asked, known); // agents report both at different times
    sums.doubled = count("doubled") + count("too many bytes");
    sums.reordered = count("reordered");
    sums.crossed = count("crossed");
    sums.corrupt = count("corrupt") + count("wrong bytes");
    return sums;
}

void run_stats::add(const run_stats& other) {
    connections = std::max(connections, other.connections);
    all_asked += other.all_asked;
    all_answered += other.all_answered;
    all_wrong += other.all_wrong;
    all_given_up += other.all_given_up;
    latest = std::max(latest, other.latest);
    for (const auto& kind : other.errors.kinds()) errors.add(kind.first, kind.count);
    if (const auto doubled = numbers.add(other.numbers))
        errors.add(
            {phase::verify, {}, "lost update", fmt::format("the counter gave {} numbers twice", doubled)},
            doubled);
    first_answers.add(other.first_answers);
    latency.add(other.latency);
    bounds.add(other.bounds);
    uncorrected.add(other.uncorrected);
    send_lag.add(other.send_lag);
    corrected.add(other.corrected);
    answered += other.answered;
    bytes_sent += other.bytes_sent;
    bytes_received += other.bytes_received;
}

} // namespace parley
