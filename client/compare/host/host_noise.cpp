#include "client/compare/host/host_noise.hpp"

#include "common/duration.hpp"
#include "common/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace parley {

namespace {

/// Returns the CPU time of this process and of the children it has waited for (getrusage(2)).
double own_time() {
    double sum = 0;
    for (const auto scope : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used{};
        getrusage(scope, &used);
        for (const auto& time : {used.ru_utime, used.ru_stime}) sum += in_seconds(duration_of(time));
    }
    return sum;
}

} // namespace

processor_time parse_processor_time(std::string_view text) {
    std::istringstream line{std::string{text.substr(0, text.find('\n'))}};
    std::string name;
    std::array<double, 8> ticks{}; // user, nice, system, idle, iowait, irq, softirq, steal
    line >> name;
    for (auto& count : ticks) line >> count;
    if (!line || name != "cpu") return {};
    const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {(ticks[0] + ticks[1] + ticks[2]) / per_second, ticks[7] / per_second};
}

host_noise_watch::host_noise_watch()
    : begin_{std::chrono::steady_clock::now()},
      machine_{parse_processor_time(read_file("/proc/stat"))},
      own_time_{own_time()} {}

host_noise host_noise_watch::so_far() const {
    const auto now = parse_processor_time(read_file("/proc/stat"));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
    const auto available = elapsed.count() * static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
    return {(now.used - machine_.used - (own_time() - own_time_)) / available,
            (now.steal - machine_.steal) / available};
}

host_noise mean_of(const std::vector<host_noise>& measurements) {
    const auto mean = [&](double host_noise::*share) {
        double sum = 0;
        for (const auto& noise : measurements) sum += noise.*share;
        return measurements.empty() ? 0 : std::clamp(sum / static_cast<double>(measurements.size()), 0.0, 1.0);
    };
    return {mean(&host_noise::others), mean(&host_noise::steal)};
}

} // namespace parley
