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

void refuse_unless(bool condition, std::string_view message) {
    if (!condition) throw std::invalid_argument(std::string{message});
}

bool has_stages_of(const load_options& options, stage::kind kind) {
    return !options.stages.empty() && options.stages.front().of == kind;
}

void check_stages(const load_options& options) {
    if (options.stages.empty()) return;
    refuse_unless(!options.duration && !options.total && !options.rate,
                  "--stage sets the duration and the rate: leave out --duration, --requests and --rate");
    const auto kind = options.stages.front().of;
    refuse_unless(std::all_of(options.stages.begin(), options.stages.end(),
                              [&](const stage& stage) { return stage.of == kind; }),
                  "--stage: use either only rates, or only connections (10s@50c)");
    refuse_unless(profile{options.stages}.highest() > 0,
                  "--stage: all values are 0; give at least one larger value");
}

void check_open_loop(const load_options& options) {
    const bool open = rate_of(options).has_value();
    if (options.rate && !(*options.rate > 0 && *options.rate <= 1e8))
        throw std::invalid_argument(
            fmt::format("--rate must be more than 0 and at most 100000000, not {}", *options.rate));
    refuse_unless(open || options.arriving.how == arrivals::kind::constant,
                  "--arrivals needs a --rate, or a --stage with rates");
    if (!open) return;
    refuse_unless(options.requests.pipeline == 1,
                  "--pipeline is for a closed loop: leave out either --pipeline or --rate");
    refuse_unless(options.think == 0ms, "--think is for a closed loop: leave out either --think or --rate");
    refuse_unless(
        options.expected_interval == 0ms,
        "--expected-interval is for a closed loop: leave it out, since --rate needs no such correction");
    if (!protocol_for(options.service).sends || (options.service == "raw" && options.requests.send.empty()))
        throw std::invalid_argument(fmt::format("service {} receives no requests, so it cannot have a --rate: "
                                                "use --connect-rate instead",
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
    // A load that counts requests has no end in time: ten years are longer than any run.
    constexpr milliseconds endless = 24h * 365 * 10;
    return profile{{{options.duration.value_or(endless), *options.rate, *options.rate}}};
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
    constexpr int most = 1'000'000; // about as many as a process may have descriptors (fs.nr_open)
    if (options.connections < 1 || options.connections > most)
        throw std::invalid_argument(fmt::format("--connections must be 1 to {}", most));
    if (options.connections < options.agents)
        throw std::invalid_argument(
            fmt::format("{} connections cannot be shared by {} agents: increase --connections",
                        options.connections, options.agents));
    const int most_threads = std::min(1024, options.connections / options.agents);
    if (options.threads < 1 || options.threads > most_threads)
        throw std::invalid_argument(fmt::format(
            "--threads must be 1 to {} for {} connections{}, not {}", most_threads, options.connections,
            options.agents > 1 ? fmt::format(" on {} agents", options.agents) : "", options.threads));
    check_stages(options);
    const auto duration = duration_of(options);
    refuse_unless(duration.has_value() != options.total.has_value(),
                  "give either a duration (--duration) or a number of requests (--requests)");
    refuse_unless(options.total != 0, "--requests must be at least 1");
    if (!duration && options.cool_down.count() > 0)
        throw std::invalid_argument("--cool-down needs a --duration or a --stage: add one, or leave it out");
    if (options.cool_down.count() > 0 && !options.agent_names.empty())
        throw std::invalid_argument("--cool-down is not possible with agents: leave out --agents");
    if (duration && *duration <= warm_up_of(options))
        throw std::invalid_argument(
            fmt::format("--warm-up: {} ms leave nothing of the duration of {} ms to count; shorten it",
                        warm_up_of(options).count(), duration->count()));
    refuse_unless(options.timeout > 0ms, "--timeout must be longer than 0");
    refuse_unless(interval_of(options) >= 10ms, "--interval must be at least 10 ms");
    check_open_loop(options);
    if (options.connect_rate && !(*options.connect_rate > 0 && *options.connect_rate <= 1e7))
        throw std::invalid_argument(fmt::format(
            "--connect-rate must be more than 0 and at most 10000000, not {}", *options.connect_rate));
    for (const double percent : options.percentiles)
        if (!(percent > 0 && percent < 100))
            throw std::invalid_argument(
                fmt::format("--percentiles must lie between 0 and 100, not {}", percent));
    for (const auto& threshold : options.thresholds)
        if (threshold.metric == threshold::quantity::fairness && !all_saturating(options))
            throw std::invalid_argument(fmt::format("--threshold {}: fairness needs several connections "
                                                    "in a closed loop for a --duration: leave out "
                                                    "--rate, --stage and --connect-rate",
                                                    in_quotes(threshold.text)));
}

} // namespace parley
