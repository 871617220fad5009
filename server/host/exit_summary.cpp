#include "server/host/exit_summary.hpp"

#include "common/duration.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

namespace parley {

namespace {

struct totals {
    int workers = 0;
    std::uint64_t connections = 0, requests = 0, bytes_in = 0, bytes_out = 0;

    void add(const slot& slot) {
        ++workers;
        connections += slot.connections.get();
        requests += slot.requests.get();
        bytes_in += slot.bytes_in.get();
        bytes_out += slot.bytes_out.get();
    }
    [[nodiscard]] std::string line(std::string_view name) const {
        return fmt::format("{:>12} {:>12} {:>12} {:>14} {:>14}\n", name, connections, requests, bytes_in,
                           bytes_out);
    }
};

/// `target`: RUSAGE_SELF or RUSAGE_CHILDREN.
std::string cpu_time(int target, std::string_view name) {
    rusage usage;
    getrusage(target, &usage);
    return fmt::format("{}: user {:.3f} s, system {:.3f} s", name, in_seconds(duration_of(usage.ru_utime)),
                       in_seconds(duration_of(usage.ru_stime)));
}

} // namespace

std::string summary_of(const scoreboard& board) {
    constexpr int max_lines = 32; // so that the table fits a screen
    auto text = fmt::format("{:>12} {:>12} {:>12} {:>14} {:>14}\n", "worker", "connections", "requests",
                            "bytes in", "bytes out");
    totals all, others;
    for (int number = 1; number <= board.size(); ++number) {
        const auto& slot = board.slot_of(number);
        if (slot.connections.get() == 0) continue;
        all.add(slot);
        if (all.workers > max_lines) {
            others.add(slot);
            continue;
        }
        totals worker;
        worker.add(slot);
        text += worker.line(std::to_string(number));
    }
    if (others.workers > 0) text += others.line(fmt::format("{} others", others.workers));
    text += all.line("all");
    return text + cpu_time(RUSAGE_SELF, "processor time of itself") + "; " +
           cpu_time(RUSAGE_CHILDREN, "of its children") + '\n';
}

} // namespace parley
