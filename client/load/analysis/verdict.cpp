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

// The limits are a compromise: a stricter one calls runs invalid that repeat well, a looser one lets figures
// pass that describe the generator or a transient instead of the server.
constexpr double saturated = 0.95;                 // of a CPU
constexpr double noticeable = 0.2;                 // of the rate: a smaller drift between the thirds is ignored
constexpr double unsettled_factor = 2;             // between the latencies of the thirds
constexpr double tolerated_retransmissions = 1e-3; // of all segments
constexpr double littles_law_tolerance = 0.2;      // of the number of connections
constexpr std::chrono::milliseconds tolerated_lag{1}; // a smaller lag is a normal scheduling delay
constexpr std::size_t easily_found_ports = 14'000;    // half of the ephemeral ports (ip(7))
// TCP's shortest retransmission timeout is 200 ms. A little less allows for clock rounding.
constexpr std::chrono::milliseconds shortest_timeout{180};

class judgement {
public:
    judgement(const load_options& options, const load_result& result) : options_{options}, result_{result} {}

    verdict run() {
        check_agents();
        check_cpu();
        check_scheduling();
        check_send_lag();
        check_rate();
        check_steady_state();
        check_length();
        check_network();
        check_resources();
        check_littles_law();
        return std::move(verdict_);
    }

private:
    template <class... Values>
    void add_reason(std::string code, fmt::format_string<Values...> text, Values&&... values) {
        verdict_.reasons.push_back({std::move(code), fmt::format(text, std::forward<Values>(values)...)});
    }

    void check_cpu() {
        if (result_.max_thread_cpu < saturated) return;
        const auto per_source = options_.connections / std::max<std::size_t>(options_.sources.size(), 1);
        add_reason(
            "generator-bound",
            "parley-load itself used {:.0f} % of a CPU: it may limit the rate, and part of the latency "
            "may be its own; reduce the load, or use {}",
            100 * result_.max_thread_cpu,
            per_source > easily_found_ports
                ? "more addresses (--source): the search for a free port is slow if half of the ports are taken"
                : "a faster machine");
    }

    /// A thread that does not run (SIGSTOP, a cgroup limit, a busy machine) neither reads replies nor sends
    /// requests.
    void check_scheduling() {
        constexpr double tolerated = 0.15;               // of the time; a busy machine takes less
        constexpr std::chrono::milliseconds chance{100}; // a single late tick of a short run
        const double share = in_seconds(result_.starved) / std::max(in_seconds(result_.counted), 1e-9);
        if (share < tolerated || result_.starved < chance) return;
        add_reason(
            "generator-starved",
            "parley-load itself did not run for {:.0f} % of the time, so the rate is lower and the latency "
            "higher than the server's; give it a CPU (look for cpu.max, SIGSTOP, other programs)",
            100 * share);
    }

    /// A run that is too short for p99 is judged by p90 or the median.
    void check_send_lag() {
        const auto& stats = result_.stats;
        if (!stats.has_schedule) return;
        for (const int one_of : {100, 10, 2}) {
            const double percent = 100.0 - 100.0 / one_of;
            const auto lag = settled_percentile(stats.send_lag, percent);
            if (!lag) continue;
            if (*lag <= tolerated_lag || *lag * 4 <= stats.latency.value_at_percentile(percent)) return;
            return add_reason(
                "late-sends",
                "parley-load sent 1 of {} requests {} or more too late although a connection was free: part of "
                "the latency is its own; give it a CPU of its own, or reduce the load",
                one_of, format_duration(*lag));
        }
    }

    /// Tolerates the requests in flight at the end, but not a queue that grows.
    void check_rate() {
        const auto missing = result_.due - std::min(result_.due, result_.stats.answered);
        const auto tolerated =
            std::max<std::uint64_t>(result_.due / 20, static_cast<std::uint64_t>(options_.connections));
        if (!result_.stats.has_schedule || missing <= tolerated) return;
        add_reason("rate-not-reached",
                   "{} requests were due, but only {} were answered in time, so the latency is that of a "
                   "growing queue; "
                   "reduce --rate, or increase --connections if {} are too few",
                   format_count(result_.due), format_count(result_.stats.answered), options_.connections);
    }

    void check_steady_state() {
        if (options_.stages.size() > 0) return; // stages change the load on purpose

        if (result_.stats.has_schedule) return check_steady_latency();
        const auto rate = rate_in_thirds(result_.throughput);
        if (!rate || !differ(rate->first, rate->last)) return;
        const double change = std::abs(rate->last.mean - rate->first.mean);
        if (change < noticeable * std::max(rate->first.mean, rate->last.mean)) return;
        add_reason(
            "unsettled",
            "{:.0f} requests/s in the first third and {:.0f} in the last: one figure cannot describe both; "
            "increase --warm-up, or find out what changes",
            rate->first.mean, rate->last.mean);
    }

    /// In an open loop the rate is given; a server that cannot keep up has a growing latency.
    void check_steady_latency() {
        const auto latency = latency_in_thirds(result_.throughput);
        if (!latency || !differ(latency->first, latency->last)) return;
        const auto [shorter, longer] = std::minmax(latency->first.mean, latency->last.mean);
        if (longer < unsettled_factor * shorter) return;
        const auto text_of = [](double mean) {
            return format_duration(std::chrono::nanoseconds{std::llround(mean * 1e9)});
        };
        add_reason("unsettled",
                   "the mean latency is {} in the first third and {} in the last: one figure cannot describe "
                   "both; increase --warm-up, or find out what grows",
                   text_of(latency->first.mean), text_of(latency->last.mean));
    }

    void check_length() {
        for (const double percent : options_.percentiles) {
            if (settled_percentile(result_.stats.latency, percent)) continue;
            add_reason(
                "too-short",
                "p{} needs {} replies (ten beyond it), and there were {}: increase --duration, or leave it out",
                percent, format_count(replies_needed(percent)), format_count(result_.stats.latency.count()));
        }
        if (options_.duration && options_.percentiles.empty() && !settled_percentile(result_.stats.latency, 50))
            add_reason("too-short", "{} replies in {:.2f} s are too few for a result: increase --duration",
                       result_.stats.latency.count(), in_seconds(result_.counted));
    }

    /// The kernel's counters are for the whole machine. A connection that is affected waits for a timeout of
    /// TCP, which is at least 200 ms. Without such a wait or an error, the counters belong to other programs.
    [[nodiscard]] bool waited_for_tcp() const {
        const auto& stats = result_.stats;
        return std::max({stats.latency.max(), stats.first_answers.max(), result_.connecting.max()}) >=
                   shortest_timeout ||
               stats.errors.count() > 0 || result_.unanswered > 0;
    }

    void check_network() {
        if (!waited_for_tcp()) return;
        const auto& seen = result_.network;
        if (seen.listen_overflows > 0)
            add_reason(
                "listen-overflow",
                "{} connections of this machine met a full backlog (nstat: ListenOverflows), and waited a "
                "second or more to try again: connect more slowly (--connect-rate), or raise the server's "
                "backlog and net.core.somaxconn",
                format_count(seen.listen_overflows));
        const auto retransmitted = static_cast<double>(seen.sent_again);
        if (retransmitted > tolerated_retransmissions * static_cast<double>(seen.sent))
            add_reason(
                "retransmissions",
                "{} of {} segments of this machine were retransmitted (nstat: RetransSegs), which takes 200 ms "
                "or more each: look for an overloaded link or a full queue",
                format_count(seen.sent_again), format_count(seen.sent));
    }

    void check_agents() {
        for (const auto& agent : result_.lost_agents)
            add_reason("agent-lost",
                       "agent {}: its part of the load, the replies and the errors is missing; repeat the run",
                       agent);
    }

    void check_resources() {
        const auto failed = [&](std::string_view cause) {
            std::uint64_t count = 0;
            for (const auto& kind : result_.stats.errors.kinds())
                if (kind.first.where == phase::connect && kind.first.cause == cause) count += kind.count;
            return count;
        };
        if (const auto count = failed("EADDRNOTAVAIL"))
            add_reason(
                "ports-exhausted",
                "{} connections got no local port: send more requests per connection (--per-connection), "
                "widen net.ipv4.ip_local_port_range, or add addresses (--source)",
                format_count(count));
        if (const auto count = failed("EMFILE") + failed("ENFILE"))
            add_reason("descriptors-exhausted",
                       "{} connections got no descriptor: raise the limit (ulimit -Hn, fs.file-max)",
                       format_count(count));
    }

    /// Little's law: in a closed loop each connection always has one request in flight, so rate x latency is
    /// the number of connections. If it is less, the connections were partly down or not served. The law does
    /// not apply if connections are closed and opened again in good order, since that takes time, too.
    void check_littles_law() {
        const auto made_once = static_cast<std::uint64_t>(options_.connections) + result_.reconnected;
        if (result_.stats.has_schedule || options_.think.count() > 0 || options_.requests.pipeline > 1 ||
            options_.connect_rate || !options_.stages.empty() || options_.total ||
            result_.connected > made_once || result_.served == 0)
            return;
        if (!settled_percentile(result_.stats.latency, 50)) return;
        const auto& stats = result_.stats;
        const auto replies = stats.latency.count() - stats.bounds.count();
        if (replies == 0) return;
        const double latency = (in_seconds(stats.latency.mean()) * static_cast<double>(stats.latency.count()) -
                                in_seconds(stats.bounds.mean()) * static_cast<double>(stats.bounds.count())) /
                               static_cast<double>(replies);
        const double in_flight = result_.rate() * latency / static_cast<double>(result_.served);
        // A request of each connection is cut by the beginning of the counted time, and one by its end.
        const double boundary_error = latency / in_seconds(result_.counted);
        if (std::abs(in_flight - 1) <= littles_law_tolerance + boundary_error) return;
        add_reason(
            "littles-law",
            "rate x latency is {:.2f} requests in flight, but {} connections were served: part of the time "
            "they did not wait for replies, so the figures do not describe that many busy connections",
            in_flight * result_.served, result_.served);
    }

    const load_options& options_;
    const load_result& result_;
    verdict verdict_;
};

} // namespace

verdict judge(const load_options& options, const load_result& result) {
    if (result.stats.answered == 0) return {{{"no-answers", "no reply was received"}}};
    return judgement{options, result}.run();
}

} // namespace parley
