// Each structure is listed once, with the members that are sent. nlohmann's macros make both conversions of it.
#include "client/load/agents/agent_messages.hpp"

#include <nlohmann/json.hpp>

namespace nlohmann {

template <class Rep, class Period>
struct adl_serializer<std::chrono::duration<Rep, Period>> {
    static void to_json(json& into, const std::chrono::duration<Rep, Period>& from) { into = from.count(); }
    static void from_json(const json& from, std::chrono::duration<Rep, Period>& into) {
        into = std::chrono::duration<Rep, Period>{from.get<Rep>()};
    }
};

template <class Value>
struct adl_serializer<std::optional<Value>> {
    static void to_json(json& into, const std::optional<Value>& from) { into = from ? json(*from) : json(); }
    static void from_json(const json& from, std::optional<Value>& into) {
        if (!from.is_null()) into = from.get<Value>();
    }
};

} // namespace nlohmann

namespace parley {

static void to_json(nlohmann::json& into, const histogram& from) { into = from.packed(); }
static void from_json(const nlohmann::json& from, histogram& into) {
    into = histogram::unpacked(from.get<std::vector<std::uint64_t>>());
}

static void to_json(nlohmann::json& into, const seen_numbers& from) { into = from.packed(); }
static void from_json(const nlohmann::json& from, seen_numbers& into) {
    into = seen_numbers::unpacked(from.get<std::vector<std::uint64_t>>());
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(failure, where, call, cause, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(failures::kind, first, count)

static void to_json(nlohmann::json& into, const failures& from) {
    into = nlohmann::json::array();
    for (const auto& kind : from.kinds()) into.push_back(kind);
}
static void from_json(const nlohmann::json& from, failures& into) {
    for (const auto& element : from) {
        const auto kind = element.get<failures::kind>();
        into.add(kind.first, kind.count);
    }
}

// ---- Options. Thresholds and percentiles are left out, since the controller judges them. ----
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(request_options, seed, size, digits, wait, greeting, say, pipeline, how,
                                   send, expect, per_connection)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(arrivals, how, burst)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(stage, duration, from, to, of)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(tls_options, name, authorities, verifies)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(load_options, target, service, requests, connections, duration, total,
                                   warm_up, cool_down, timeout, threads, agent, agents, rate, arriving, stages,
                                   think, expected_interval, tls, connect_rate, exact_timers, interval)

// ---- Results. Points in time are left out, since they refer to the clock of the agent. ----
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(run_stats, has_schedule, expected_interval, connections, all_asked,
                                   all_answered, all_wrong, all_given_up, first_answers, errors, numbers,
                                   latency, bounds, uncorrected, send_lag, corrected, answered, bytes_sent,
                                   bytes_received)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(cpu_time, user, system)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(throughput_sample, at, answered, latency_sum)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(kernel_counters, listen_overflows, sent, sent_again)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(load_result, stats, connecting, handshaking, tls, connected, served,
                                   unanswered, counted, used, max_thread_cpu, starved, throughput, shares, due,
                                   never_sent, reconnected, longest_gap, network, end)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(interval, begin, length, asked, errors, latency)

nlohmann::json message_of(const load_options& options) { return options; }
nlohmann::json message_of(const load_result& result) { return result; }
nlohmann::json message_of(const interval& interval) { return interval; }

load_options options_in(const nlohmann::json& message) { return message.get<load_options>(); }
load_result result_in(const nlohmann::json& message) { return message.get<load_result>(); }
interval interval_in(const nlohmann::json& message) { return message.get<interval>(); }

} // namespace parley
