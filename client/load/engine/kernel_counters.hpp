// TCP counters of the kernel, for all programs of this machine (proc(5); nstat(8) shows the same). A load reads
// them before and after the run, because a program cannot see what happens to its segments.
#pragma once

#include <cstdint>
#include <string_view>

namespace parley {

struct kernel_counters {
    std::uint64_t listen_overflows = 0; // connections that met a full backlog
    std::uint64_t sent = 0;             // segments sent
    std::uint64_t sent_again = 0;       // segments retransmitted

    /// Returns the current counters; 0 for those that cannot be read.
    static kernel_counters now();

    friend kernel_counters operator+(const kernel_counters& left, const kernel_counters& right) {
        return {left.listen_overflows + right.listen_overflows, left.sent + right.sent,
                left.sent_again + right.sent_again};
    }
    friend kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) {
        return {after.listen_overflows - before.listen_overflows, after.sent - before.sent,
                after.sent_again - before.sent_again};
    }
};

/// Returns the counter `name` of the group `group` ("TcpExt:") in a text such as /proc/net/netstat (proc(5)),
/// which has a line of names and a line of numbers per group. Returns 0 if there is no such counter.
std::uint64_t counter_in(std::string_view text, std::string_view group, std::string_view name);

} // namespace parley
