#include "server/host/exit_summary.hpp"

#include "common/duration.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

namespace parley {

namespace {

struct totals {
    int workers = 0;
    std::uint64_t connections = 0, requests = 0, bytes_in = 0, bytes_out = 0;

    void add(const slot& from) {
        ++workers;
        connections += from.connections.get();
        requests += from.requests.get();
        bytes_in += from.bytes_in.get();
        bytes_out += from.bytes_out.get();
    }
    [[nodiscard]] std::string line(std::string_view name) const {
        return fmt::format("{:>12} {:>12} {:>12} {:>14} {:>14}\n", name, connections, requests, bytes_in,
                           bytes_out);
    }
};

std::string processor_time(int who, std::string_view name) {
    rusage used;
    getrusage(who, &used);
    return fmt::format("{}: user {:.3f} s, system {:.3f} s", name, in_seconds(duration_of(used.ru_utime)),
                       in_seconds(duration_of(used.ru_stime)));
}

} // namespace

std::string summary_of(const scoreboard& board) {
    constexpr int most_lines = 32;
    auto text = fmt::format("{:>12} {:>12} {:>12} {:>14} {:>14}\n", "worker", "connections", "requests",
                            "bytes in", "bytes out");
    totals all, others;
    for (int number = 1; number <= board.size(); ++number) {
        const auto& each = board.slot_of(number);
        if (each.connections.get() == 0) continue;
        all.add(each);
        if (all.workers > most_lines) {
            others.add(each);
            continue;
        }
        totals own;
        own.add(each);
        text += own.line(std::to_string(number));
    }
    if (others.workers > 0) text += others.line(fmt::format("{} others", others.workers));
    text += all.line("all");
    return text + processor_time(RUSAGE_SELF, "processor time of itself") + "; " +
           processor_time(RUSAGE_CHILDREN, "of its children") + '\n';
}

} // namespace parley
