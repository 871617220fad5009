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

/// Raises the soft limit of descriptors as far as needed. Throws std::runtime_error if the hard limit is too
/// low.
void make_room_for(int connections) {
    constexpr rlim_t besides = 64; // the terminal, the report, an epoll descriptor for each thread ...
    const auto needed = static_cast<rlim_t>(connections) + besides;
    if (const auto limit = raise_descriptor_limit(needed); limit < needed)
        throw std::runtime_error(
            fmt::format("{} connections need {} descriptors, and this process may have {}: "
                        "raise the hard limit (ulimit -Hn, limits.conf(5))",
                        connections, needed, limit));
}

/// The threads beside ours; what one of them throws is thrown by join().
class other_threads {
public:
    other_threads(int count, const engine_share& ours) : failures_(static_cast<std::size_t>(count)) {
        results_.resize(failures_.size());
        const auto may_begin = gate_.get_future().share(); // all of them or none: they wait for each other
        try {
            for (std::size_t each = 0; each < failures_.size(); ++each)
                threads_.emplace_back([this, each, may_begin, share = ours]() mutable {
                    if (!may_begin.get()) return;
                    try {
                        share.thread = static_cast<int>(each) + 1;
                        results_[each] = engine{share, {}}.run();
                    } catch (...) {
                        failures_[each] = std::current_exception();
                    }
                });
        } catch (const std::system_error& error) {
            gate_.set_value(false);
            throw std::runtime_error(fmt::format("cannot start thread {} of {}: {}; ask for less --threads",
                                                 threads_.size() + 2, count + 1, error.code().message()));
        }
        gate_.set_value(true);
    }

    void join(load_result& all) {
        threads_.clear();
        for (const auto& each : failures_)
            if (each) std::rethrow_exception(each);
        for (const auto& each : results_) all.add(each);
    }

private:
    std::vector<std::exception_ptr> failures_;
    std::vector<load_result> results_;
    std::promise<bool> gate_;
    std::vector<std::jthread> threads_;
};

load_result nobody_at(const failure& why) {
    load_result result;
    result.stats.errors.add(why);
    result.end = ending::connect_failed;
    return result;
}

/// The certificate must be for the host of the target, if for no other name.
tls_options with_name(tls_options wanted, std::string_view target) {
    if (!wanted.name.empty() || target.starts_with("unix:")) return wanted;
    const auto host = target.substr(0, target.rfind(':'));
    wanted.name = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    return wanted;
}

} // namespace

load_result generate_load(const load_options& options, int stop, const load_watch& watch,
                          const intervals::take& each, start_barrier* start) {
    check_consistency(options);
    make_room_for(own_connections(options));
    const auto& with = protocol_for(options.service);
    auto plan = plan_requests(with, options.requests);
    plan.scheduled = rate_of(options).has_value() || options.think.count() > 0;
    std::vector<address> targets;
    try {
        targets = address::resolve(options.target);
    } catch (const std::runtime_error& unknown) {
        return nobody_at(failure_of(unknown));
    }
    check_ours(options.sources);
    targets = reachable_from(options.sources, std::move(targets));
    check_ports(own_connections(options), options.sources, targets);
    if (options.exact_timers) check("prctl", [] { return prctl(PR_SET_TIMERSLACK, 1); });

    const auto before = kernel_counters::now();
    const auto throttled_before = throttled_time();
    std::optional<tls_client> tls;
    if (options.tls) tls.emplace(with_name(*options.tls, options.target));
    start_barrier here{options.threads};
    interval_metrics parts;
    intervals cut{options.threads, interval_of(options), [&](const interval& one) {
                      parts.note(one, interval_of(options));
                      if (each) each(one);
                  }};
    const engine_share share{options, with, plan, targets, tls ? &*tls : nullptr, start ? *start : here,
                             cut,     stop};
    engine ours{share, watch};
    other_threads others{options.threads - 1, share};
    auto all = ours.run();
    others.join(all);
    all.parts = std::move(parts);
    all.network = kernel_counters::now() - before;
    // In slices too short for a late tick, but of the same effect. The warm-up is in it.
    const auto throttled = (throttled_time() - throttled_before) / options.threads;
    all.starved = std::max(all.starved, std::min(throttled, all.counted));
    return all;
}

} // namespace parley
