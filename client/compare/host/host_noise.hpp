// Host noise: CPU time that other programs and the hypervisor took during a measurement. It is the most common
// reason for wide intervals.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

namespace parley {

/// CPU time since boot, summed over all CPUs, in seconds.
struct processor_time {
    double used = 0;  // user, nice and system
    double steal = 0; // by a hypervisor for other virtual machines
};

/// Parses the first line of /proc/stat (proc(5)). Returns zeros if the text has another format.
processor_time parse_processor_time(std::string_view text);

/// Shares of the time of all CPUs. The kernel counts some of it in ticks, so a share of a short time is
/// imprecise and may be below 0.
struct host_noise {
    double others = 0; // by programs other than this process and its children
    double steal = 0;
};

/// Returns the mean over measurements, limited to 0 to 1; zeros if there are none.
host_noise mean_of(const std::vector<host_noise>& measurements);

class host_noise_watch {
public:
    host_noise_watch();

    /// Returns the noise since construction. Call it when all children have been waited for: running children
    /// count as others.
    [[nodiscard]] host_noise so_far() const;

private:
    std::chrono::steady_clock::time_point begin_;
    processor_time machine_;
    double own_time_;
};

} // namespace parley
