#include "client/load/analysis/verdict.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace parley {

namespace {

using std::chrono::duration;

constexpr double saturated = 0.95;       // of a processor
constexpr double noticeable = 0.2;       // of the rate: a smaller difference between the thirds is no matter
constexpr double unsettled_factor = 2;   // between the latencies of the thirds
constexpr double tolerated_again = 1e-3; // of all segments
constexpr double little_tolerance = 0.2;
constexpr std::chrono::milliseconds harmless_lag{1};
constexpr std::size_t easily_found_ports = 14'000;         // half of those that the kernel gives out (ip(7))
constexpr std::chrono::milliseconds shortest_timeout{180}; // of TCP, and a little less

class judgement {
public:
    judgement(const load_options& options, const load_result& result) : options_{options}, result_{result} {}

    verdict all() {
        agents();
        own_processor();
        own_time();
        sends_in_time();
        rate_reached();
        settled();
        long_enough();
        network();
        resources();
        littles_law();
        return std::move(verdict_);
    }

private:
    template <class... Values>
    void because(std::string code, fmt::format_string<Values...> text, Values&&... values) {
        verdict_.reasons.push_back({std::move(code), fmt::format(text, std::forward<Values>(values)...)});
    }

    void own_processor() {
        if (result_.max_thread_cpu < saturated) return;
        const auto from_each = options_.connections / std::max<std::size_t>(options_.sources.size(), 1);
        because(
            "generator-bound",
            "parley-load itself used {:.0f} % of a processor: it may be what limits the rate, and its "
            "latencies are in part its own; load less, or from {}",
            100 * result_.max_thread_cpu,
            from_each > easily_found_ports
                ? "more addresses (--source): the kernel searches long for a free port, where half are taken"
                : "a faster machine");
    }

    /// A stopped process, a limit of its cgroup, a busy machine: an answer waits unseen, and nothing is asked
    /// meanwhile.
    void own_time() {
        constexpr double tolerated = 0.15; // of the time; a busy machine takes less
        constexpr std::chrono::milliseconds chance{100};
        const double share = in_seconds(result_.starved) / std::max(in_seconds(result_.counted), 1e-9);
        if (share < tolerated || result_.starved < chance) return;
        because("generator-starved",
                "parley-load itself did not run for {:.0f} % of the time, so the rate is lower and the latency "
                "higher "
                "than the server's; give it a processor (look for cpu.max, SIGSTOP, other programs)",
                100 * share);
    }

    /// Of a short run the 99th percentile cannot be told, but a lower one can.
    void sends_in_time() {
        const auto& stats = result_.stats;
        if (!stats.has_schedule) return;
        for (const int one_of : {100, 10, 2}) {
            const double percent = 100.0 - 100.0 / one_of;
            const auto lag = settled_percentile(stats.send_lag, percent);
            if (!lag) continue;
            if (*lag <= harmless_lag || *lag * 4 <= stats.latency.value_at_percentile(percent)) return;
            return because(
                "late-sends",
                "parley-load sent 1 of {} requests {} or more too late although a connection was free: a "
                "part of the latency is its own; give it a processor of its own, or load less",
                one_of, format_duration(*lag));
        }
    }

    /// What is in flight at the end is no matter; a queue of requests that only grows is.
    void rate_reached() {
        const auto missing = result_.due - std::min(result_.due, result_.stats.answered);
        const auto tolerated =
            std::max<std::uint64_t>(result_.due / 20, static_cast<std::uint64_t>(options_.connections));
        if (!result_.stats.has_schedule || missing <= tolerated) return;
        because(
            "rate-not-reached",
            "{} requests were due and {} were answered in time: so the latency is that of a queue that grows; "
            "offer a lower --rate, or, where {} are too few, more --connections",
            format_count(result_.due), format_count(result_.stats.answered), options_.connections);
    }

    void settled() {
        if (options_.stages.size() > 0) return; // it is not meant to

        if (result_.stats.has_schedule) return settled_latency();
        const auto rate = rate_in_thirds(result_.throughput);
        if (!rate || !differ(rate->first, rate->last)) return;
        const double change = std::abs(rate->last.mean - rate->first.mean);
        if (change < noticeable * std::max(rate->first.mean, rate->last.mean)) return;
        because("unsettled",
                "{:.0f} requests/s in the first third and {:.0f} in the last: one figure cannot describe both; "
                "warm up longer, or find out what changes",
                rate->first.mean, rate->last.mean);
    }

    /// With a schedule the rate is given, and a server that cannot keep up shows it in the latency.
    void settled_latency() {
        const auto latency = latency_in_thirds(result_.throughput);
        if (!latency || !differ(latency->first, latency->last)) return;
        const auto [less, more] = std::minmax(latency->first.mean, latency->last.mean);
        if (more < unsettled_factor * less) return;
        const auto in_time = [](double mean) {
            return format_duration(std::chrono::nanoseconds{std::llround(mean * 1e9)});
        };
        because("unsettled",
                "the mean latency is {} in the first third and {} in the last: one figure cannot describe "
                "both; warm "
                "up longer, or find out what grows",
                in_time(latency->first.mean), in_time(latency->last.mean));
    }

    void long_enough() {
        for (const double percent : options_.percentiles) {
            if (settled_percentile(result_.stats.latency, percent)) continue;
            because("too-short",
                    "p{} needs {} answers (ten beyond it), and there were {}: load longer, or ask for less",
                    percent, format_count(answers_needed(percent)),
                    format_count(result_.stats.latency.count()));
        }
        if (options_.duration && options_.percentiles.empty() && !settled_percentile(result_.stats.latency, 50))
            because("too-short", "{} answers in {:.2f} s are too few to tell anything: load longer",
                    result_.stats.latency.count(), in_seconds(result_.counted));
    }

    /// The kernel counts for the whole machine. Who is hit waits for a time-out of TCP: 200 ms at least.
    [[nodiscard]] bool waited_for_tcp() const {
        const auto& stats = result_.stats;
        return std::max({stats.latency.max(), stats.first_answers.max(), result_.connecting.max()}) >=
                   shortest_timeout ||
               stats.errors.count() > 0 || result_.unanswered > 0;
    }

    void network() {
        if (!waited_for_tcp()) return;
        const auto& seen = result_.network;
        if (seen.listen_overflows > 0)
            because("listen-overflow",
                    "{} connections of this machine found a full queue of some listener (nstat: "
                    "ListenOverflows), and waited a second or more to try again: connect more slowly, or "
                    "raise the server's backlog and net.core.somaxconn",
                    format_count(seen.listen_overflows));
        const auto again = static_cast<double>(seen.sent_again);
        if (again > tolerated_again * static_cast<double>(seen.sent))
            because("retransmissions",
                    "{} of {} segments of this machine were sent again (nstat: RetransSegs), which takes "
                    "200 ms or more each: look for an overloaded link or a full queue",
                    format_count(seen.sent_again), format_count(seen.sent));
    }

    void agents() {
        for (const auto& each : result_.lost_agents)
            because("agent-lost",
                    "agent {}: its part of the load, of the answers and of the errors is missing; load again",
                    each);
    }

    void resources() {
        const auto failed = [&](std::string_view cause) {
            std::uint64_t count = 0;
            for (const auto& each : result_.stats.errors.kinds())
                if (each.first.where == phase::connect && each.first.cause == cause) count += each.count;
            return count;
        };
        if (const auto count = failed("EADDRNOTAVAIL"))
            because("ports-exhausted",
                    "{} connections got no port of their own: let connections live longer (--per-connection), "
                    "widen net.ipv4.ip_local_port_range, or add server addresses",
                    format_count(count));
        if (const auto count = failed("EMFILE") + failed("ENFILE"))
            because("descriptors-exhausted",
                    "{} connections got no descriptor: raise the limit (ulimit -n, fs.file-max)",
                    format_count(count));
    }

    /// In a closed loop each connection always waits for an answer: so rate x latency is the number of
    /// connections. Where it is less, they were not what was loading the server; it cannot be more. It says
    /// nothing where connections end in good order and are made anew, since that takes time, too.
    void littles_law() {
        const auto made_once = static_cast<std::uint64_t>(options_.connections) + result_.reconnected;
        if (result_.stats.has_schedule || options_.think.count() > 0 || options_.requests.pipeline > 1 ||
            options_.connect_rate || !options_.stages.empty() || options_.total ||
            result_.connected > made_once || result_.served == 0)
            return;
        if (!settled_percentile(result_.stats.latency, 50)) return;
        const auto& stats = result_.stats;
        const auto answers = stats.latency.count() - stats.bounds.count();
        if (answers == 0) return;
        const double latency = (in_seconds(stats.latency.mean()) * static_cast<double>(stats.latency.count()) -
                                in_seconds(stats.bounds.mean()) * static_cast<double>(stats.bounds.count())) /
                               static_cast<double>(answers);
        const double in_flight = result_.rate() * latency / static_cast<double>(result_.served);
        // Each connection has a request that lies across the beginning, and one across the end.
        const double at_the_ends = latency / in_seconds(result_.counted);
        if (std::abs(in_flight - 1) <= little_tolerance + at_the_ends) return;
        because("littles-law",
                "rate x latency is {:.2f} requests in flight, and {} connections were served: for the rest of "
                "the time they were not waiting for answers, so neither figure tells of that many connections",
                in_flight * result_.served, result_.served);
    }

    const load_options& options_;
    const load_result& result_;
    verdict verdict_;
};

} // namespace

verdict judge(const load_options& options, const load_result& result) {
    if (result.stats.answered == 0)
        return {{{"no-answers", "not one answer was counted, so there is no figure"}}};
    return judgement{options, result}.all();
}

} // namespace parley
