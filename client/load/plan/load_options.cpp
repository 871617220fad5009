#include "client/load/plan/load_options.hpp"

#include "client/conversation/expected_response.hpp"
#include "client/conversation/protocols.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

void refuse_unless(bool fine, std::string_view why) {
    if (!fine) throw std::invalid_argument(std::string{why});
}

bool has_stages_of(const load_options& options, stage::kind kind) {
    return !options.stages.empty() && options.stages.front().of == kind;
}

void check_stages(const load_options& options) {
    if (options.stages.empty()) return;
    refuse_unless(
        !options.duration && !options.total && !options.rate,
        "--stage says how long to load and at which rate: leave out --duration, --requests and --rate");
    const auto kind = options.stages.front().of;
    refuse_unless(std::all_of(options.stages.begin(), options.stages.end(),
                              [&](const stage& each) { return each.of == kind; }),
                  "stages are all of rates, or all of connections");
    refuse_unless(profile{options.stages}.highest() > 0, "stages of nothing are no load");
}

void check_open_loop(const load_options& options) {
    const bool open = rate_of(options).has_value();
    if (options.rate && !(*options.rate > 0 && *options.rate <= 1e8))
        throw std::invalid_argument(
            fmt::format("a rate is more than 0 and at most 100000000, not {}", *options.rate));
    refuse_unless(open || options.arriving.how == arrivals::kind::constant,
                  "--arrivals needs a --rate, or a --stage of rates");
    if (!open) return;
    refuse_unless(options.requests.pipeline == 1, "--pipeline is of a closed loop: leave it out, or --rate");
    refuse_unless(options.think == 0ms, "--think is of a closed loop: leave it out, or --rate");
    refuse_unless(options.expected_interval == 0ms,
                  "--expected-interval is of a closed loop: a --rate needs no such correction");
    if (!protocol_for(options.service).sends || (options.service == "raw" && options.requests.send.empty()))
        throw std::invalid_argument(
            fmt::format("service {} is sent nothing, so its requests cannot have a --rate: "
                        "choose a --connect-rate",
                        options.service));
}

} // namespace

std::optional<milliseconds> duration_of(const load_options& options) {
    if (options.stages.empty()) return options.duration;
    return std::chrono::duration_cast<milliseconds>(profile{options.stages}.length());
}

milliseconds warm_up_of(const load_options& options) {
    if (options.warm_up) return *options.warm_up;
    const auto duration = duration_of(options);
    return duration ? std::min<milliseconds>(*duration / 10, 1s) : 0ms;
}

milliseconds interval_of(const load_options& options) {
    if (options.interval) return *options.interval;
    const auto duration = duration_of(options);
    if (!duration) return 1s;
    return std::clamp<milliseconds>((*duration - warm_up_of(options)) / 10, 100ms, 1s);
}

std::optional<profile> rate_of(const load_options& options) {
    if (has_stages_of(options, stage::kind::rate)) return profile{options.stages};
    if (!options.rate) return std::nullopt;
    constexpr milliseconds years = 24h * 365 * 10;
    return profile{{{options.duration.value_or(years), *options.rate, *options.rate}}};
}

std::optional<profile> connections_over_time(const load_options& options) {
    if (has_stages_of(options, stage::kind::connections)) return profile{options.stages};
    return std::nullopt;
}

int own_connections(const load_options& options) {
    return std::min(options.connections, options.connections / options.agents + options.threads);
}

bool all_saturating(const load_options& options) {
    return options.duration && !options.rate && !options.connect_rate && options.connections > 1;
}

void check_consistency(const load_options& options) {
    constexpr int most = 1'000'000;
    if (options.connections < 1 || options.connections > most)
        throw std::invalid_argument(fmt::format("a load has 1 to {} connections", most));
    if (options.connections < options.agents)
        throw std::invalid_argument(
            fmt::format("{} connections cannot be shared by {} agents: open more (--connections)",
                        options.connections, options.agents));
    if (options.threads < 1 || options.threads > std::min(1024, options.connections / options.agents))
        throw std::invalid_argument(fmt::format(
            "a load of {} connections has 1 to {} threads{}, not {}", options.connections,
            std::min(1024, options.connections / options.agents),
            options.agents > 1 ? fmt::format(" on each of {} agents", options.agents) : "", options.threads));
    check_stages(options);
    const auto duration = duration_of(options);
    refuse_unless(duration.has_value() != options.total.has_value(),
                  "say either how long to load (--duration) or how many requests to send (--requests)");
    refuse_unless(options.total != 0, "a load of 0 requests is none");
    if (!duration && options.cool_down.count() > 0)
        throw std::invalid_argument("--cool-down follows a --duration or a --stage: give one, or leave it out");
    if (options.cool_down.count() > 0 && !options.agent_names.empty())
        throw std::invalid_argument("--cool-down is for a load of this machine: leave out --agents");
    if (duration && *duration <= warm_up_of(options))
        throw std::invalid_argument(fmt::format("a warm-up of {} ms leaves nothing of {} ms to be counted",
                                                warm_up_of(options).count(), duration->count()));
    refuse_unless(options.timeout > 0ms, "the time-out must be longer than 0");
    refuse_unless(interval_of(options) >= 10ms, "an interval lasts at least 10 ms");
    check_open_loop(options);
    if (options.connect_rate && !(*options.connect_rate > 0 && *options.connect_rate <= 1e7))
        throw std::invalid_argument(
            fmt::format("a connect rate is more than 0 and at most 10000000, not {}", *options.connect_rate));
    for (const double percent : options.percentiles)
        if (!(percent > 0 && percent < 100))
            throw std::invalid_argument(
                fmt::format("a percentile lies between 0 and 100: {} does not (--percentiles)", percent));
    for (const auto& each : options.thresholds)
        if (each.metric == threshold::what::fairness && !all_saturating(options))
            throw std::invalid_argument(fmt::format("--threshold {}: fairness is that of several connections "
                                                    "in a closed loop for a --duration: leave out "
                                                    "--rate, --stage and --connect-rate",
                                                    in_quotes(each.text)));
}

} // namespace parley
