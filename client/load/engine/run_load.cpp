#include "client/load/engine/run_load.hpp"

#include "client/load/engine/engine.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "common/check.hpp"
#include "common/process/descriptor_limit.hpp"
#include "common/process/processors.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <future>
#include <stdexcept>
#include <sys/prctl.h>
#include <system_error>
#include <thread>

namespace parley {

namespace {

/// Raises the soft limit of descriptors to what `connections` need. Throws std::runtime_error if the hard limit
/// is too low.
void ensure_descriptors_for(int connections) {
    constexpr rlim_t others = 64; // terminal, report files, one epoll descriptor per thread
    const auto needed = static_cast<rlim_t>(connections) + others;
    if (const auto limit = raise_descriptor_limit(needed); limit < needed)
        throw std::runtime_error(
            fmt::format("{} connections need {} descriptors, but this process may have only {}: "
                        "raise the hard limit (ulimit -Hn, limits.conf(5))",
                        connections, needed, limit));
}

/// The engines 1 to `count`, each on a thread of its own. join() rethrows what one of them has thrown.
class other_threads {
public:
    other_threads(int count, const engine_share& first) : failures_(static_cast<std::size_t>(count)) {
        results_.resize(failures_.size());
        const auto may_begin =
            gate_.get_future().share(); // all threads or none, since they wait for each other
        try {
            for (std::size_t i = 0; i < failures_.size(); ++i)
                threads_.emplace_back([this, i, may_begin, share = first]() mutable {
                    if (!may_begin.get()) return;
                    try {
                        share.thread = static_cast<int>(i) + 1;
                        results_[i] = engine{share, {}}.run();
                    } catch (...) {
                        failures_[i] = std::current_exception();
                    }
                });
        } catch (const std::system_error& error) {
            gate_.set_value(false);
            throw std::runtime_error(fmt::format("cannot start thread {} of {}: {}; reduce --threads",
                                                 threads_.size() + 2, count + 1, error.code().message()));
        }
        gate_.set_value(true);
    }

    /// Waits for all threads, and adds their results to `sum`.
    void join(load_result& sum) {
        threads_.clear();
        for (const auto& failure : failures_)
            if (failure) std::rethrow_exception(failure);
        for (const auto& result : results_) sum.add(result);
    }

private:
    std::vector<std::exception_ptr> failures_;
    std::vector<load_result> results_;
    std::promise<bool> gate_;
    std::vector<std::jthread> threads_;
};

load_result unreachable(const failure& failure) {
    load_result result;
    result.stats.errors.add(failure);
    result.end = ending::connect_failed;
    return result;
}

/// Adds the host of the target as the name that the certificate must have, unless a name is given.
tls_options with_name(tls_options options, std::string_view target) {
    if (!options.name.empty() || target.starts_with("unix:")) return options;
    const auto host = target.substr(0, target.rfind(':'));
    options.name = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    return options;
}

} // namespace

load_result generate_load(const load_options& options, int stop, const load_watch& watch,
                          const intervals::take& complete, start_barrier* start) {
    check_consistency(options);
    ensure_descriptors_for(own_connections(options));
    const auto& with = protocol_for(options.service);
    auto plan = plan_requests(with, options.requests);
    plan.scheduled = rate_of(options).has_value() || options.think.count() > 0;
    std::vector<address> targets;
    try {
        targets = address::resolve(options.target);
    } catch (const std::runtime_error& error) {
        return unreachable(failure_of(error));
    }
    check_local(options.sources);
    targets = reachable_from(options.sources, std::move(targets));
    check_ports(own_connections(options), options.sources, targets);
    if (options.exact_timers) check("prctl", [] { return prctl(PR_SET_TIMERSLACK, 1); });

    const auto before = kernel_counters::now();
    const auto throttled_before = throttled_time();
    std::optional<tls_client> tls;
    if (options.tls) tls.emplace(with_name(*options.tls, options.target));
    start_barrier own_start{options.threads};
    interval_metrics per_interval;
    intervals collector{options.threads, interval_of(options), [&](const interval& interval) {
                            per_interval.note(interval, interval_of(options));
                            if (complete) complete(interval);
                        }};
    const engine_share share{options,   with, plan, targets, tls ? &*tls : nullptr, start ? *start : own_start,
                             collector, stop};
    engine first{share, watch};
    other_threads others{options.threads - 1, share};
    auto result = first.run();
    others.join(result);
    result.per_interval = std::move(per_interval);
    result.network = kernel_counters::now() - before;
    // A cgroup is throttled in slices too short for a late tick, with the same effect. Includes the warm-up.
    const auto throttled = (throttled_time() - throttled_before) / options.threads;
    result.starved = std::max(result.starved, std::min(throttled, result.counted));
    return result;
}

} // namespace parley
