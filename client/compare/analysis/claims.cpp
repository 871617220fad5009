#include "client/compare/analysis/claims.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "client/compare/analysis/sweeps.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace parley {

namespace {

using verdict = claim::verdict;

/// A figure of one contender under one workload; nothing: the run has not measured it.
const interval_estimate* value(const std::vector<section>& all, std::string_view workload,
                               std::string_view name, std::string_view metric) {
    const auto* where = section_of(all, workload);
    const auto* who = where ? where->ranked_row(name) : nullptr;
    return who ? who->find(metric) : nullptr;
}

/// That `large` is at least `amount` times `small`.
verdict is_times(const interval_estimate& large, const interval_estimate& small, double amount) {
    if (large.mean <= 0 || small.mean <= 0) return verdict::undecided;
    const auto times = ratio_of(large, small);
    return times.low >= amount   ? verdict::confirmed
           : times.high < amount ? verdict::refuted
                                 : verdict::undecided;
}

/// Of several that must all hold.
verdict all_of(std::initializer_list<verdict> parts) {
    if (std::ranges::find(parts, verdict::refuted) != parts.end()) return verdict::refuted;
    if (std::ranges::find(parts, verdict::undecided) != parts.end()) return verdict::undecided;
    return verdict::confirmed;
}

std::string text(const interval_estimate& one) { return format_scaled(one.mean); }

using maybe = std::optional<claim>;

maybe threads_cheaper(const std::vector<section>& all) {
    const auto* thread = value(all, "short", "thread", "cpu_us");
    const auto* process = value(all, "short", "fork", "cpu_us");
    if (!thread || !process) return {};
    auto evidence =
        fmt::format("A connection costs the server {} us of CPU with a thread of its own, {} us with a "
                    "process of its own",
                    text(*thread), text(*process));
    if (const auto* base = value(all, "stevens", "iterative", "cpu_us")) {
        const auto* own_thread = value(all, "stevens", "thread", "cpu_us");
        const auto* own_process = value(all, "stevens", "fork", "cpu_us");
        if (own_thread && own_process)
            evidence += fmt::format("; over the iterative server under Stevens' client: {} and {} us",
                                    format_scaled(own_thread->mean - base->mean),
                                    format_scaled(own_process->mean - base->mean));
    }
    return claim{"A thread is cheaper to make than a process: at least 1.5 times.",
                 is_times(*process, *thread, 1.5), evidence + "."};
}

/// By what a connection costs the server: the rate tells of the load, too, where they share processors.
maybe pool_for_short(const std::vector<section>& all) {
    const auto* thread = value(all, "short", "thread", "cpu_us");
    const auto* process = value(all, "short", "fork", "cpu_us");
    const auto* pool = value(all, "short", "pool", "cpu_us");
    if (!thread || !process || !pool) return {};
    std::vector<std::string> rates;
    for (const auto* name : {"pool", "thread", "fork"})
        if (const auto* rate = value(all, "short", name, "rate"))
            rates.push_back(fmt::format("{} by {}", text(*rate), name));
    return claim{
        "For short connections, a pool beats making a thread or a process for each: at least 1.1 times.",
        all_of({is_times(*thread, *pool, 1.1), is_times(*process, *pool, 1.1)}),
        fmt::format("A connection costs the server {} us of CPU in the pool of threads, {} us with a "
                    "thread of its own, "
                    "{} us with a process of its own{}.",
                    text(*pool), text(*thread), text(*process),
                    rates.empty() ? "" : "; served per second: " + listed(rates))};
}

maybe cores_bound_work(const std::vector<section>& all, std::size_t cores) {
    std::map<double, const interval_estimate*> rates; // by the number of threads that work
    for (const auto& each : all)
        if (each.load.question == "cores")
            if (const auto* rate = value(all, each.load.id, "loop-pool", "rate"))
                rates[place_of(each.load).value_or(0)] = rate;
    const auto as_cores = rates.find(static_cast<double>(cores));
    if (cores < 2 || as_cores == rates.end() || !rates.contains(1)) return {};
    const auto& one = *rates.at(1);
    std::string others;
    const auto most = static_cast<double>(cores);
    auto is = is_times(*as_cores->second, one, 0.8 * most);
    for (const auto& [threads, rate] : rates) {
        if (threads == 1) continue;
        const auto gain = ratio_of(*rate, one);
        const auto limit = 1.1 * most;
        is = all_of({is, gain.high <= limit ? verdict::confirmed
                         : gain.low > limit ? verdict::refuted
                                            : verdict::undecided});
        others += fmt::format("{}{:g} answer {:.2f} times as much (95 %: {:.2f} to {:.2f})",
                              others.empty() ? "" : ", ", threads, gain.mean, gain.low, gain.high);
    }
    return claim{"Work for the processor scales to the cores (at least 0.8 times their number), and no further "
                 "(at most 1.1 times).",
                 is,
                 fmt::format("{} cores: one thread that works answers {} requests per second; {}.", cores,
                             text(one), others)};
}

maybe waiting_is_cheap_in_loops(const std::vector<section>& all) {
    const auto* rate = value(all, "waiting", "epoll", "rate");
    const auto* loop = value(all, "idle", "epoll", "pss_connection_kib");
    const auto* thread = value(all, "idle", "thread", "pss_connection_kib");
    const auto* process = value(all, "idle", "fork", "pss_connection_kib");
    if (!rate || !loop || (!thread && !process)) return {};
    const auto& load = section_of(all, "waiting")->load;
    const auto possible = load.connections * 1000.0 / static_cast<double>(load.wait.count());
    constexpr double nearly = 0.8; // of what they would be answered if none of them was in the way of another
    std::string others;
    auto is = rate->low >= nearly * possible   ? verdict::confirmed
              : rate->high < nearly * possible ? verdict::refuted
                                               : verdict::undecided;
    for (const auto& [name, memory] :
         {std::pair{"a thread each", thread}, std::pair{"a process each", process}}) {
        if (!memory) continue;
        others += fmt::format("{}{} KiB with {}", others.empty() ? "" : ", ", text(*memory), name);
        is = all_of({is, is_times(*memory, *loop, 2)});
    }
    return claim{
        "Waiting work scales with the connections in an event loop (at least 0.8 of what is possible), at a "
        "fraction of the memory (at most half).",
        is,
        fmt::format("{} connections that wait {} ms: one loop answers {} of at most {} requests per second. "
                    "An idle connection takes {} KiB in it; {}.",
                    load.connections, load.wait.count(), text(*rate), format_scaled(possible), text(*loop),
                    others)};
}

maybe locks_keep_updates(const std::vector<section>& all) {
    const auto* lost = value(all, "counter", "counter/unlocked", "lost");
    const auto* mutex = value(all, "counter", "counter/mutex", "lost");
    const auto* atomic = value(all, "counter", "counter/atomic", "lost");
    if (!lost || !mutex || !atomic) return {};
    const auto most = [](const interval_estimate& one) { return *std::ranges::max_element(one.values); };
    const bool is_safe = most(*mutex) == 0 && most(*atomic) == 0;
    const auto cost = [&](const char* name) { return text(*value(all, "counter", name, "cpu_us")); };
    const auto count = [](const interval_estimate& one) { return one.mean > 0 ? text(one) : "none"; };
    return claim{
        "An unlocked counter loses updates, a locked one none.",
        !is_safe          ? verdict::refuted
        : most(*lost) > 0 ? verdict::confirmed
                          : verdict::undecided,
        fmt::format("Of a million updates by processes, {} were lost without a lock, {} with a mutex, {} "
                    "with an atomic addition. A request costs {} us of CPU with the mutex, {} us with "
                    "the addition.",
                    count(*lost), count(*mutex), count(*atomic), cost("counter/mutex"),
                    cost("counter/atomic"))};
}

maybe work_stalls_a_loop(const std::vector<section>& all) {
    const auto* alone = value(all, "stall-0", "epoll", "p50_ms");
    const auto* beside = value(all, "stall-2", "epoll", "p50_ms");
    const auto* mended = value(all, "stall-2", "loop-pool", "p50_ms");
    if (!alone || !beside || !mended) return {};
    return claim{
        "Work on the event loop stalls all its clients (at least 2 times), and a pool for the work mends it "
        "(as much).",
        all_of({is_times(*beside, *alone, 2), is_times(*beside, *mended, 2)}),
        fmt::format("A small request takes {} ms (median) on the loop alone, {} ms while two other clients "
                    "ask for long work, {} ms where a pool does the work.",
                    text(*alone), text(*beside), text(*mended))};
}

} // namespace

std::string_view name_of(claim::verdict value) {
    switch (value) {
    case verdict::confirmed: return "confirmed";
    case verdict::undecided: return "undecided";
    case verdict::refuted: return "refuted";
    }
    return "?";
}

std::vector<claim> claims_of(const std::vector<section>& all, std::size_t cores) {
    std::vector<claim> claims;
    for (auto& each : {threads_cheaper(all), pool_for_short(all), cores_bound_work(all, cores),
                       waiting_is_cheap_in_loops(all), locks_keep_updates(all), work_stalls_a_loop(all)})
        if (each) claims.push_back(*each);
    return claims;
}

} // namespace parley
