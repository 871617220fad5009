// What the kernel has counted of this machine's TCP, for all its programs (nstat(8) shows the same). A load
// looks at it before and after: what happened to a segment on its way no program can see.
#pragma once

#include <cstdint>
#include <string_view>

namespace parley {

struct kernel_counters {
    std::uint64_t listen_overflows = 0; // connections that found a listener's queue full
    std::uint64_t sent = 0;             // segments
    std::uint64_t sent_again = 0;       // segments that nobody acknowledged in time

    /// Zeros where the kernel does not tell.
    static kernel_counters now();

    friend kernel_counters operator+(const kernel_counters& one, const kernel_counters& other) {
        return {one.listen_overflows + other.listen_overflows, one.sent + other.sent,
                one.sent_again + other.sent_again};
    }
    friend kernel_counters operator-(const kernel_counters& after, const kernel_counters& before) {
        return {after.listen_overflows - before.listen_overflows, after.sent - before.sent,
                after.sent_again - before.sent_again};
    }
};

/// The number under `name` in the group `group` ("TcpExt:") of a text such as /proc/net/netstat (proc(5)): a
/// line of names, then a line of numbers. 0 where there is none.
std::uint64_t counter_in(std::string_view text, std::string_view group, std::string_view name);

} // namespace parley
