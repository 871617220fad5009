#include "client/compare/analysis/claims.hpp"

#include "client/compare/analysis/ranking.hpp"
#include "client/compare/analysis/sweeps.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace parley {

namespace {

using verdict = claim::verdict;

/// Returns a metric of one contender under one workload, or nullptr if the run did not measure it.
const interval_estimate* value(const std::vector<section>& sections, std::string_view workload,
                               std::string_view name, std::string_view metric) {
    const auto* section = section_of(sections, workload);
    const auto* row = section ? section->ranked_row(name) : nullptr;
    return row ? row->find(metric) : nullptr;
}

/// Tests whether `large` is at least `amount` times `small`.
verdict is_times(const interval_estimate& large, const interval_estimate& small, double amount) {
    if (large.mean <= 0 || small.mean <= 0) return verdict::undecided;
    const auto times = ratio_of(large, small);
    return times.low >= amount   ? verdict::confirmed
           : times.high < amount ? verdict::refuted
                                 : verdict::undecided;
}

/// Returns the verdict on a claim of several parts, which must all hold.
verdict all_of(std::initializer_list<verdict> parts) {
    if (std::ranges::find(parts, verdict::refuted) != parts.end()) return verdict::refuted;
    if (std::ranges::find(parts, verdict::undecided) != parts.end()) return verdict::undecided;
    return verdict::confirmed;
}

std::string text(const interval_estimate& estimate) { return format_scaled(estimate.mean); }

using maybe = std::optional<claim>;

maybe threads_cheaper(const std::vector<section>& sections) {
    const auto* thread = value(sections, "short", "thread", "cpu_us");
    const auto* process = value(sections, "short", "fork", "cpu_us");
    if (!thread || !process) return {};
    auto evidence =
        fmt::format("A connection costs the server {} us of CPU with a thread of its own, {} us with a "
                    "process of its own",
                    text(*thread), text(*process));
    if (const auto* base = value(sections, "stevens", "iterative", "cpu_us")) {
        const auto* own_thread = value(sections, "stevens", "thread", "cpu_us");
        const auto* own_process = value(sections, "stevens", "fork", "cpu_us");
        if (own_thread && own_process)
            evidence += fmt::format("; over the iterative server under Stevens' client: {} and {} us",
                                    format_scaled(own_thread->mean - base->mean),
                                    format_scaled(own_process->mean - base->mean));
    }
    return claim{"A thread is cheaper to create than a process: at least 1.5 times.",
                 is_times(*process, *thread, 1.5), evidence + "."};
}

/// Compares by the CPU of the server: if server and load generator share CPUs, the rate reflects both.
maybe pool_for_short(const std::vector<section>& sections) {
    const auto* thread = value(sections, "short", "thread", "cpu_us");
    const auto* process = value(sections, "short", "fork", "cpu_us");
    const auto* pool = value(sections, "short", "pool", "cpu_us");
    if (!thread || !process || !pool) return {};
    std::vector<std::string> rates;
    for (const auto* name : {"pool", "thread", "fork"})
        if (const auto* rate = value(sections, "short", name, "rate"))
            rates.push_back(fmt::format("{} by {}", text(*rate), name));
    return claim{
        "For short connections, a thread pool beats a new thread or process for each: at least 1.1 times.",
        all_of({is_times(*thread, *pool, 1.1), is_times(*process, *pool, 1.1)}),
        fmt::format("A connection costs the server {} us of CPU in the pool of threads, {} us with a "
                    "thread of its own, "
                    "{} us with a process of its own{}.",
                    text(*pool), text(*thread), text(*process),
                    rates.empty() ? "" : "; served per second: " + listed(rates))};
}

maybe cores_bound_work(const std::vector<section>& sections, std::size_t cores) {
    std::map<double, const interval_estimate*> rates; // by number of compute threads
    for (const auto& section : sections)
        if (section.load.question == "cores")
            if (const auto* rate = value(sections, section.load.id, "loop-pool", "rate"))
                rates[x_of(section.load).value_or(0)] = rate;
    const auto as_cores = rates.find(static_cast<double>(cores));
    if (cores < 2 || as_cores == rates.end() || !rates.contains(1)) return {};
    const auto& one_thread = *rates.at(1);
    std::string others;
    const auto most = static_cast<double>(cores);
    auto is = is_times(*as_cores->second, one_thread, 0.8 * most);
    for (const auto& [threads, rate] : rates) {
        if (threads == 1) continue;
        const auto gain = ratio_of(*rate, one_thread);
        const auto limit = 1.1 * most;
        is = all_of({is, gain.high <= limit ? verdict::confirmed
                         : gain.low > limit ? verdict::refuted
                                            : verdict::undecided});
        others += fmt::format("{}{:g} threads {:.2f} times as many (95 % interval: {:.2f} to {:.2f})",
                              others.empty() ? "" : ", ", threads, gain.mean, gain.low, gain.high);
    }
    return claim{
        "CPU-bound work scales up to the number of cores (at least 0.8 times), and no further (at most 1.1 "
        "times).",
        is,
        fmt::format("{} cores: one compute thread answers {} requests per second, {}.", cores, text(one_thread),
                    others)};
}

maybe waiting_is_cheap_in_loops(const std::vector<section>& sections) {
    const auto* rate = value(sections, "waiting", "epoll", "rate");
    const auto* loop = value(sections, "idle", "epoll", "pss_connection_kib");
    const auto* thread = value(sections, "idle", "thread", "pss_connection_kib");
    const auto* process = value(sections, "idle", "fork", "pss_connection_kib");
    if (!rate || !loop || (!thread && !process)) return {};
    const auto& load = section_of(sections, "waiting")->load;
    const auto possible = load.connections * 1000.0 / static_cast<double>(load.wait.count());
    constexpr double nearly = 0.8; // of the rate if no connection delayed another
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
        "In an event loop, requests that wait scale with the connections (at least 0.8 of the possible rate), "
        "with at most half the memory.",
        is,
        fmt::format("{} connections that wait {} ms: one loop answers {} of at most {} requests per second. "
                    "An idle connection takes {} KiB in it; {}.",
                    load.connections, load.wait.count(), text(*rate), format_scaled(possible), text(*loop),
                    others)};
}

maybe locks_keep_updates(const std::vector<section>& sections) {
    const auto* lost = value(sections, "counter", "counter/unlocked", "lost");
    const auto* mutex = value(sections, "counter", "counter/mutex", "lost");
    const auto* atomic = value(sections, "counter", "counter/atomic", "lost");
    if (!lost || !mutex || !atomic) return {};
    const auto most = [](const interval_estimate& estimate) {
        return *std::ranges::max_element(estimate.values);
    };
    const bool is_safe = most(*mutex) == 0 && most(*atomic) == 0;
    const auto cost = [&](const char* name) { return text(*value(sections, "counter", name, "cpu_us")); };
    const auto count = [](const interval_estimate& estimate) {
        return estimate.mean > 0 ? text(estimate) : "none";
    };
    return claim{
        "A counter without a lock loses updates, a locked counter loses none.",
        !is_safe          ? verdict::refuted
        : most(*lost) > 0 ? verdict::confirmed
                          : verdict::undecided,
        fmt::format("Lost updates per million, counted by processes: {} without a lock, {} with a mutex, {} "
                    "with an atomic addition. A request costs {} us of CPU with the mutex, {} us with "
                    "the atomic addition.",
                    count(*lost), count(*mutex), count(*atomic), cost("counter/mutex"),
                    cost("counter/atomic"))};
}

maybe work_stalls_a_loop(const std::vector<section>& sections) {
    const auto* alone = value(sections, "stall-0", "epoll", "p50_ms");
    const auto* with_work = value(sections, "stall-2", "epoll", "p50_ms");
    const auto* with_pool = value(sections, "stall-2", "loop-pool", "p50_ms");
    if (!alone || !with_work || !with_pool) return {};
    return claim{
        "Work on the event loop delays all its clients (at least 2 times), and a thread pool for the work "
        "prevents that (as much).",
        all_of({is_times(*with_work, *alone, 2), is_times(*with_work, *with_pool, 2)}),
        fmt::format(
            "A small request takes {} ms (median) without other work, {} ms while two other clients request "
            "long work on the loop, {} ms if a thread pool does the work.",
            text(*alone), text(*with_work), text(*with_pool))};
}

} // namespace

std::string_view name_of(claim::verdict verdict) {
    switch (verdict) {
    case claim::verdict::confirmed: return "confirmed";
    case claim::verdict::undecided: return "undecided";
    case claim::verdict::refuted: return "refuted";
    }
    return "?";
}

std::vector<claim> claims_of(const std::vector<section>& sections, std::size_t cores) {
    std::vector<claim> claims;
    for (auto& claim :
         {threads_cheaper(sections), pool_for_short(sections), cores_bound_work(sections, cores),
          waiting_is_cheap_in_loops(sections), locks_keep_updates(sections), work_stalls_a_loop(sections)})
        if (claim) claims.push_back(*claim);
    return claims;
}

} // namespace parley
