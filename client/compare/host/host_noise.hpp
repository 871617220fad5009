// What else took the processors while we measured: the most common reason why figures spread.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

namespace parley {

/// Processor time since the machine started, summed over its processors, in seconds.
struct processor_time {
    double used = 0;  // by programs and by the kernel for them
    double steal = 0; // by a hypervisor for other machines
};

/// Reads /proc/stat. Zero where the text is not of its form.
processor_time parse_processor_time(std::string_view text);

/// Shares of the time that all processors together had. The kernel counts some of it in ticks: of a short time
/// a share may be a little off, and even below 0.
struct host_noise {
    double others = 0; // programs that are neither we nor our children
    double steal = 0;
};

/// The mean over measurements, from 0 to 1; zero where there are none.
host_noise mean_of(const std::vector<host_noise>& all);

class host_noise_watch {
public:
    host_noise_watch();

    /// Since the watch began. To be asked when our children have been waited for: those alive count as others.
    [[nodiscard]] host_noise so_far() const;

private:
    std::chrono::steady_clock::time_point begin_;
    processor_time machine_;
    double ours_;
};

} // namespace parley
