#include "client/load/output/csv.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/duration.hpp"

#include <fmt/format.h>

namespace parley {

std::string csv_head() { return "begin_s,length_s,asked,answered,rate,mean_ms,p50_ms,p99_ms,max_ms,errors\n"; }

std::string csv_row(const interval& interval) {
    const auto percentile = [&](double percent) {
        const auto time = settled_percentile(interval.latency, percent);
        return time ? fmt::format("{:.6f}", in_ms(*time)) : std::string{};
    };
    const auto length = in_seconds(interval.length);
    return fmt::format("{:.3f},{:.3f},{},{},{:.1f},{:.6f},{},{},{:.6f},{}\n", in_seconds(interval.begin),
                       length, interval.asked, interval.latency.count(),
                       length > 0 ? static_cast<double>(interval.latency.count()) / length : 0,
                       in_ms(interval.latency.mean()), percentile(50), percentile(99),
                       in_ms(interval.latency.max()), interval.errors);
}

} // namespace parley
