#include "client/load/output/report.hpp"

#include "client/conversation/fairness.hpp"
#include "client/load/analysis/tcp_artifacts.hpp"
#include "client/load/engine/percentiles.hpp"
#include "client/load/output/error_hints.hpp"
#include "common/duration.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace parley {

namespace {

using namespace std::chrono_literals;

/// Returns the percentiles to report: the usual ones, and those of --percentiles.
std::vector<double> percentiles_of(const load_options& options) {
    std::vector<double> percentiles{50, 90, 99, 99.9};
    percentiles.insert(percentiles.end(), options.percentiles.begin(), options.percentiles.end());
    std::sort(percentiles.begin(), percentiles.end());
    percentiles.erase(std::unique(percentiles.begin(), percentiles.end()), percentiles.end());
    return percentiles;
}

double cpu_per_reply_us(const load_result& result) {
    const auto total_us = static_cast<double>((result.used.user + result.used.system).count());
    return result.stats.answered ? total_us / static_cast<double>(result.stats.answered) : 0;
}

std::string bytes_text(std::uint64_t count, std::chrono::nanoseconds time) {
    const auto per_second = time > 0s ? static_cast<double>(count) / in_seconds(time) : 0;
    return fmt::format("{} ({}/s)", format_count(count), format_quantity(per_second / 1e6, "MB"));
}

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

using is_bound = std::function<bool(double percent)>;

std::string time_row(
    std::string_view name, const histogram& times, const std::vector<double>& percentiles,
    const is_bound& at_least = [](double) { return false; }) {
    std::string row = fmt::format("{:<12}", name);
    const auto add = [&](double percent, std::string time) {
        row += fmt::format("{:>11}", at_least(percent) ? ">= " + time : time);
    };
    for (const double percent : percentiles) {
        const auto time = settled_percentile(times, percent);
        time ? add(percent, format_duration(*time)) : void(row += fmt::format("{:>11}", "-"));
    }
    times.count() ? add(100, format_duration(times.max())) : void(row += fmt::format("{:>11}", "-"));
    return row + '\n';
}

/// Returns the figures of the latency that rest on requests without a reply, and are lower bounds.
nlohmann::ordered_json bounds_in(const run_stats& stats, const std::vector<double>& percentiles) {
    auto names = nlohmann::ordered_json::array();
    for (const double percent : percentiles)
        if (stats.rests_on_bounds(percent)) names.push_back(fmt::format("p{}", percent));
    if (stats.bounds.count() > 0) names.push_back("mean");
    if (stats.rests_on_bounds(100)) names.push_back("max");
    return {{"requests", stats.bounds.count()},
            {"least_ms", stats.bounds.count() ? nlohmann::ordered_json(in_ms(stats.bounds.min())) : nullptr},
            {"at_least", names}};
}

std::string_view to_string(ending ending) {
    switch (ending) {
    case ending::time_over: return "time over";
    case ending::requests_done: return "requests done";
    case ending::interrupted: return "interrupted";
    case ending::connect_failed: return "nobody there";
    case ending::no_progress: return "no progress";
    }
    return "?";
}

std::string header_row(const std::vector<double>& percentiles) {
    std::string row = fmt::format("{:<12}", "");
    for (const double percent : percentiles) row += fmt::format("{:>11}", fmt::format("p{}", percent));
    return row + fmt::format("{:>11}\n", "max");
}

/// Explains the rows "uncorrected" and "corrected"; empty if there are none.
std::string latency_note(const load_options& options, const load_result& result) {
    if (result.stats.has_schedule)
        return "              latency counts from when a request was due, uncorrected from when it was sent: a "
               "request\n"
               "              that was due while no connection was free was sent late, and only latency shows "
               "its wait\n";
    if (result.stats.corrected.count() > 0)
        return fmt::format("              corrected assumes a request every {} ms on each connection "
                           "(--expected-interval), and\n"
                           "              adds the requests that were not sent while a reply took longer\n",
                           options.expected_interval.count());
    return {};
}

/// Returns a text such as "open loop, 20000 requests/s due, Poisson".
std::string kind_of_loop(const load_options& options) {
    const auto rate = rate_of(options);
    if (!rate) return "closed loop";
    const auto arriving = options.arriving.how == arrivals::kind::poisson ? ", Poisson"
                          : options.arriving.how == arrivals::kind::burst
                              ? fmt::format(", bursts of {}", options.arriving.burst)
                              : "";
    return fmt::format("open loop, {}{} requests/s due{}", options.stages.empty() ? "" : "up to ",
                       rate->highest(), arriving);
}

nlohmann::ordered_json json_of(const histogram& times, const std::vector<double>& percentiles) {
    nlohmann::ordered_json json{
        {"count", times.count()}, {"min", in_ms(times.min())}, {"mean", in_ms(times.mean())}};
    for (const double percent : percentiles) {
        auto& member = json[fmt::format("p{}", percent)];
        if (const auto time = settled_percentile(times, percent)) member = in_ms(*time);
    }
    json["max"] = in_ms(times.max());
    json["over_a_minute"] = times.over_maximum();
    return json;
}

/// Returns the latency at percentiles that lie closer together towards the tail, as in plots of HdrHistogram. A
/// percentile with too few replies beyond it is left out.
nlohmann::ordered_json distribution_of(const histogram& times) {
    auto all = nlohmann::ordered_json::array();
    for (const double percent :
         {10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99, 99.999})
        if (const auto time = settled_percentile(times, percent)) all.push_back({percent, in_ms(*time)});
    return all;
}

nlohmann::ordered_json if_any(const histogram& times, const std::vector<double>& percentiles) {
    return times.count() > 0 ? json_of(times, percentiles) : nlohmann::ordered_json();
}

nlohmann::ordered_json json_of(const arrivals& arriving) {
    switch (arriving.how) {
    case arrivals::kind::constant: return "constant";
    case arrivals::kind::poisson: return "poisson";
    case arrivals::kind::burst: return fmt::format("burst:{}", arriving.burst);
    }
    return nullptr;
}

nlohmann::ordered_json json_of(const std::vector<stage>& stages) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& stage : stages)
        list.push_back({{"duration_ms", stage.duration.count()},
                        {"of", stage.of == stage::kind::rate ? "rate" : "connections"},
                        {"from", stage.from},
                        {"to", stage.to}});
    return list;
}

} // namespace

nlohmann::ordered_json options_as_json(const load_options& options) {
    const auto ms = [](std::optional<std::chrono::milliseconds> time) {
        return time ? nlohmann::ordered_json(time->count()) : nlohmann::ordered_json();
    };
    const auto& requests = options.requests;
    const bool limited = requests.per_connection != request_options{}.per_connection;
    return {{"target", options.target},
            {"service", options.service},
            {"connections", options.connections},
            {"threads", options.threads},
            {"rate", options.rate ? nlohmann::ordered_json(*options.rate) : nlohmann::ordered_json()},
            {"arrivals", rate_of(options) ? json_of(options.arriving) : nlohmann::ordered_json()},
            {"stages", json_of(options.stages)},
            {"think_ms", options.think.count()},
            {"expected_interval_ms", options.expected_interval.count()},
            {"connect_rate",
             options.connect_rate ? nlohmann::ordered_json(*options.connect_rate) : nlohmann::ordered_json()},
            {"exact_timers", options.exact_timers},
            {"duration_ms", ms(options.duration)},
            {"requests", options.total ? nlohmann::ordered_json(*options.total) : nlohmann::ordered_json()},
            {"warm_up_ms", warm_up_of(options).count()},
            {"timeout_ms", options.timeout.count()},
            {"per_connection",
             limited ? nlohmann::ordered_json(requests.per_connection) : nlohmann::ordered_json()},
            {"size", requests.size},
            {"seed", requests.seed},
            {"digits", requests.digits},
            {"wait_ms", requests.wait.count()},
            {"greeting", requests.greeting},
            {"pipeline", requests.pipeline},
            {"framing", to_string(requests.how)},
            {"send", requests.send},
            {"expect", requests.expect}};
}

namespace {

nlohmann::ordered_json json_of(const failures& errors) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [first, count] : errors.kinds())
        list.push_back({{"phase", to_string(first.where)},
                        {"call", first.call},
                        {"cause", first.cause},
                        {"count", count},
                        {"text", first.text},
                        {"remedy", hint_for(first)}});
    return list;
}

nlohmann::ordered_json json_of(const std::vector<double>& values) {
    const auto sample = sample_of(values);
    if (sample.count == 0) return nullptr;
    return {
        {"mean", sample.value.mean}, {"standard_error", sample.value.standard_error}, {"count", sample.count}};
}

/// Returns null unless all_saturating().
nlohmann::ordered_json fairness_in(const load_result& result) {
    if (result.shares.empty()) return nullptr;
    const auto [least, most] = std::ranges::minmax(result.shares);
    return {{"index", fairness_of(result.shares)}, {"least", least}, {"most", most}};
}

nlohmann::ordered_json json_of(const std::vector<threshold>& thresholds, const load_result& result) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& threshold : thresholds)
        list.push_back({{"text", threshold.text},
                        {"met", is_met(threshold, result)},
                        {"measured", measured(threshold, result)}});
    return list;
}

nlohmann::ordered_json json_of(const std::vector<tcp_artifact>& tcp_artifacts) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& artifact : tcp_artifacts)
        list.push_back({{"code", artifact.code}, {"count", artifact.count}, {"text", artifact.text}});
    return list;
}

nlohmann::ordered_json json_of(const run_stats::tally& totals) {
    return {{"sent", totals.sent},         {"answered", totals.answered}, {"lost", totals.lost},
            {"given_up", totals.given_up}, {"doubled", totals.doubled},   {"reordered", totals.reordered},
            {"crossed", totals.crossed},   {"corrupt", totals.corrupt}};
}

nlohmann::ordered_json json_of(const verdict& verdict) {
    auto reasons = nlohmann::ordered_json::array();
    for (const auto& reason : verdict.reasons)
        reasons.push_back({{"code", reason.code}, {"text", reason.text}});
    return {{"valid", verdict.valid()}, {"reasons", reasons}};
}

} // namespace

nlohmann::ordered_json json_of(const std::vector<difference>& changes) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& change : changes)
        list.push_back({{"figure", change.name},
                        {"before", change.before},
                        {"now", change.now},
                        {"least", change.least},
                        {"most", change.most},
                        {"judgement", to_string(change.result)}});
    return list;
}

std::string text_report(const load_options& options, const load_result& result, const outcome& outcome) {
    const auto& verdict = outcome.verdict;
    const auto& stats = result.stats;
    std::string text;
    const auto line = [&, into = std::back_inserter(text)](std::string_view name, const std::string& value) {
        fmt::format_to(into, "{:<12}  {}\n", name, value);
    };

    if (!options.agent_names.empty())
        line("agents", fmt::format("{}{}", fmt::join(options.agent_names, ", "),
                                   result.lost_agents.empty()
                                       ? ""
                                       : fmt::format("; lost: {}", fmt::join(result.lost_agents, ", "))));
    line("service",
         fmt::format("{} at {}, {} connections, {}{}", options.service, options.target, options.connections,
                     kind_of_loop(options), result.end == ending::interrupted ? ", interrupted" : ""));
    if (verdict.valid()) {
        const auto percentiles = percentiles_of(options);
        const bool has_enough = settled_percentile(stats.latency, 50).has_value();
        line("rate",
             fmt::format(
                 "{} requests/s ({} in {:.2f} s, after {:.2f} s of warm-up)",
                 has_enough ? format_count(static_cast<std::uint64_t>(std::llround(result.rate()))) : "-",
                 format_count(stats.answered), in_seconds(result.counted), in_seconds(warm_up_of(options))));
        text += header_row(percentiles);
        text += time_row("latency", stats.latency, percentiles,
                         [&](double percent) { return stats.rests_on_bounds(percent); });
        if (const auto count = stats.bounds.count())
            text += fmt::format("              {} requests never got a reply, and waited {} or more: they "
                                "count with that time\n",
                                format_count(count), format_duration(stats.bounds.min()));
        if (stats.has_schedule) text += time_row("uncorrected", stats.uncorrected, percentiles);
        if (stats.corrected.count() > 0) text += time_row("corrected", stats.corrected, percentiles);
        if (stats.has_schedule) text += time_row("send lag", stats.send_lag, percentiles);
        text += time_row("connecting", result.connecting, percentiles);
        if (options.tls) text += time_row("handshake", result.handshaking, percentiles);
        text += latency_note(options, result);
        if (!result.shares.empty()) {
            const auto [least, most] = std::ranges::minmax(result.shares);
            line("fairness", fmt::format("{:.3f} (Jain's index): {} to {} replies per connection",
                                         fairness_of(result.shares), format_count(least), format_count(most)));
        }
    }
    if (options.tls)
        line("TLS", result.tls.empty()      ? "no handshake was completed"
                    : options.tls->verifies ? result.tls + "; the certificate was verified"
                                            : result.tls + "; nothing was verified");
    line("bytes sent", bytes_text(stats.bytes_sent, result.counted));
    line("received", bytes_text(stats.bytes_received, result.counted));
    line(options.agent_names.empty() ? "own CPU" : "agents' CPU",
         fmt::format("{:.2f} s user, {:.2f} s system: {:.2f} us per request, {:.0f} % of a CPU",
                     in_seconds(result.used.user), in_seconds(result.used.system), cpu_per_reply_us(result),
                     result.counted > 0s
                         ? 100 * in_seconds(result.used.user + result.used.system) / in_seconds(result.counted)
                         : 0));
    const auto unanswered = result.unanswered ? fmt::format(", {} never got a reply", result.unanswered) : "";
    line("connections", fmt::format("{} of {} served{}; {} made in total", result.served, options.connections,
                                    unanswered, format_count(result.connected)));
    if (const auto count = stats.latency.over_maximum())
        line("", fmt::format("{} replies took more than a minute, and count as a minute", format_count(count)));
    if (const auto count = stats.numbers.forgotten())
        line("", fmt::format("{} numbers of the counter were not checked, for lack of memory",
                             format_count(count)));

    if (result.stats.has_schedule)
        line("schedule",
             fmt::format("{} requests due, {} answered in time, {} never sent", format_count(result.due),
                         format_count(stats.answered), format_count(result.never_sent)));
    if (result.reconnected > 0)
        line("lost", fmt::format("{} connections failed and were opened again, after {} at most",
                                 format_count(result.reconnected), format_duration(result.longest_gap)));

    const auto totals = stats.totals();
    line("requests",
         fmt::format("{} sent, {} answered, {} lost, {} doubled, {} reordered, {} crossed, {} corrupt",
                     format_count(totals.sent), format_count(totals.answered), format_count(totals.lost),
                     format_count(totals.doubled), format_count(totals.reordered), format_count(totals.crossed),
                     format_count(totals.corrupt)));
    line("errors", stats.errors.kinds().empty() ? "none" : "");
    for (const auto& [first, count] : stats.errors.kinds()) {
        text += fmt::format("{:>9} x {} {}{}{}: {}\n", format_count(count), to_string(first.where), first.call,
                            first.call.empty() ? "" : " ", first.cause, first.text);
        if (const auto hint = hint_for(first); !hint.empty()) text += fmt::format("{:>14}{}\n", "", hint);
    }
    if (verdict.valid()) {
        for (const auto& threshold : options.thresholds)
            line("threshold",
                 fmt::format("{}: {}, measured {}", threshold.text,
                             is_met(threshold, result) ? "met" : "MISSED", measured_text(threshold, result)));
        for (const auto& change : outcome.changes) line("baseline", to_string(change));
    }
    for (const auto& artifact : tcp_artifacts_in(result))
        line("TCP artifact",
             fmt::format("{}: {} {}", artifact.code, format_count(artifact.count), artifact.text));
    line("verdict", verdict.valid() ? "valid" : "INVALID; rate and latency withheld:");
    for (const auto& reason : verdict.reasons) line("", fmt::format("{}: {}", reason.code, reason.text));
    return text;
}

nlohmann::ordered_json json_report(const load_options& options, const load_result& result,
                                   const outcome& outcome) {
    const auto& stats = result.stats;
    const auto percentiles = percentiles_of(options);
    return {{"schema", "parley-load/1"},
            {"parley", PARLEY_VERSION},
            {"ended", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
            {"host", host_name()},
            {"command", options.command_line},
            {"ok", outcome.complaints.empty()},
            {"complaints", outcome.complaints},
            {"verdict", json_of(outcome.verdict)},
            {"ending", to_string(result.end)},
            {"options", options_as_json(options)},
            {"agents", options.agent_names},
            {"lost_agents", result.lost_agents},
            {"rate", result.rate()},
            {"counted_s", in_seconds(result.counted)},
            {"requests", stats.answered},
            {"all_requests", stats.all_answered},
            {"all_asked", stats.all_asked},
            {"latency_ms", json_of(stats.latency, percentiles)},
            {"latency_bounds", bounds_in(stats, percentiles)},
            {"latency_distribution", distribution_of(stats.latency)},
            {"uncorrected_ms", if_any(stats.uncorrected, percentiles)},
            {"corrected_ms", if_any(stats.corrected, percentiles)},
            {"send_lag_ms", if_any(stats.send_lag, percentiles)},
            {"fairness", fairness_in(result)},
            {"due", stats.has_schedule ? nlohmann::ordered_json(result.due) : nlohmann::ordered_json()},
            {"never_sent", result.never_sent},
            {"reconnected", result.reconnected},
            {"longest_gap_ms", in_ms(result.longest_gap)},
            {"connecting_ms", json_of(result.connecting, percentiles)},
            {"handshake_ms", if_any(result.handshaking, percentiles)},
            {"tls", result.tls.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(result.tls)},
            {"bytes_sent", stats.bytes_sent},
            {"bytes_received", stats.bytes_received},
            {"cpu",
             {{"user_s", in_seconds(result.used.user)},
              {"system_s", in_seconds(result.used.system)},
              {"per_request_us", cpu_per_reply_us(result)},
              {"busiest", result.max_thread_cpu},
              {"starved_s", in_seconds(result.starved)}}},
            {"network",
             {{"listen_overflows", result.network.listen_overflows},
              {"segments", result.network.sent},
              {"segments_again", result.network.sent_again}}},
            {"connected", result.connected},
            {"served", result.served},
            {"unanswered", result.unanswered},
            {"wrong", stats.errors.count(phase::verify)},
            {"ledger", json_of(stats.totals())},
            {"unchecked_numbers", stats.numbers.forgotten()},
            {"intervals",
             {{"length_ms", interval_of(options).count()},
              {"rate", json_of(result.per_interval.rate)},
              {"p50_ms", json_of(result.per_interval.p50_ms)},
              {"p99_ms", json_of(result.per_interval.p99_ms)}}},
            {"signatures", json_of(tcp_artifacts_in(result))},
            {"thresholds", json_of(options.thresholds, result)},
            {"baseline", json_of(outcome.changes)},
            {"errors", json_of(stats.errors)}};
}

} // namespace parley
