#include "client/conversation/run_stats.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

void run_stats::record(const answer& one) {
    ++all_answered;
    latest = one.verified;
    if ((has_schedule ? one.due : one.verified) < from || (has_schedule ? one.due : one.asked) > until) return;
    latency.record(one.verified - one.due);
    if (recent && one.verified <= until) recent->record(one.verified - one.due);
    if (has_schedule) {
        uncorrected.record(one.verified - one.asked);
        send_lag.record(one.asked - std::max(one.due, one.free_since));
    }
    // Requests at that interval would have waited for less and less of this answer's time.
    if (expected_interval.count() > 0)
        for (auto time = one.verified - one.asked; time.count() > 0; time -= expected_interval)
            corrected.record(time);
    if (one.verified > until) return;
    ++answered;
    bytes_sent += one.bytes_sent;
    bytes_received += one.bytes_received;
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
    const auto wanted = latency.count() - latency.count_beyond(percent);
    const auto all = latency.counts(), never = bounds.counts();
    std::uint64_t passed = 0;
    for (std::size_t slot = 0; slot < all.size(); ++slot) {
        passed += all[slot] - never[slot];
        if (passed >= wanted) return std::min(histogram::largest_in(slot), latency.max());
    }
    return std::nullopt;
}

bool run_stats::rests_on_bounds(double percent) const {
    if (bounds.count() == 0) return false;
    const auto most = most_at_percentile(percent);
    return !most || *most * 20 > latency.value_at_percentile(percent) * 21;
}

run_stats::tally run_stats::totals() const {
    const auto of = [&](phase where, std::string_view cause) { return errors.count(where, cause); };
    tally all{.sent = all_asked, .answered = all_answered, .given_up = all_given_up};
    const auto known = all_answered + all_wrong + all_given_up;
    all.lost = all_asked - std::min(all_asked, known); // agents tell of both at different times
    all.doubled = of(phase::verify, "doubled") + of(phase::verify, "too many bytes");
    all.reordered = of(phase::verify, "reordered");
    all.crossed = of(phase::verify, "crossed");
    all.corrupt = of(phase::verify, "corrupt") + of(phase::verify, "wrong bytes");
    return all;
}

void run_stats::add(const run_stats& other) {
    connections = std::max(connections, other.connections);
    all_asked += other.all_asked;
    all_answered += other.all_answered;
    all_wrong += other.all_wrong;
    all_given_up += other.all_given_up;
    latest = std::max(latest, other.latest);
    for (const auto& each : other.errors.kinds()) errors.add(each.first, each.count);
    if (const auto twice = numbers.add(other.numbers))
        errors.add({phase::verify, {}, "lost update", fmt::format("the counter gave {} numbers twice", twice)},
                   twice);
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
