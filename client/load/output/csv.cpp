#include "client/load/output/csv.hpp"

#include "client/load/engine/percentiles.hpp"
#include "common/duration.hpp"

#include <fmt/format.h>

namespace parley {

std::string csv_head() { return "begin_s,length_s,asked,answered,rate,mean_ms,p50_ms,p99_ms,max_ms,errors\n"; }

std::string csv_row(const interval& one) {
    const auto percentile = [&](double percent) {
        const auto time = settled_percentile(one.latency, percent);
        return time ? fmt::format("{:.6f}", in_ms(*time)) : std::string{};
    };
    const auto length = in_seconds(one.length);
    return fmt::format(
        "{:.3f},{:.3f},{},{},{:.1f},{:.6f},{},{},{:.6f},{}\n", in_seconds(one.begin), length, one.asked,
        one.latency.count(), length > 0 ? static_cast<double>(one.latency.count()) / length : 0,
        in_ms(one.latency.mean()), percentile(50), percentile(99), in_ms(one.latency.max()), one.errors);
}

} // namespace parley
