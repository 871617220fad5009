// The table of checks: each is a sentence that is true of a right server, and a function of some lines that
// tries to show the opposite. To add one, write the function in a file of checks/ and a row in its table.
#pragma once

#include "client/check/examination.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

enum class level { quick, normal, full };

struct server_check {
    std::string_view id;
    std::string_view sentence;
    level since;           // the lowest level that includes it
    std::string_view hint; // id, see hints.hpp

    void (*run)(examination& examination);

    /// True if it makes sense for this profile and this promise; null: for all.
    bool (*applies)(const profile& profile, const server_promise& promise) = nullptr;

    bool needs_process = false; // facts of /proc, signals, or another start: not for a server that runs already
    int seconds = 30;           // time limit
    bool injects = false;       // only with --inject, or if it is chosen
};

/// A family of checks, in the order of importance. The first family comes first.
struct check_family {
    std::string_view title;
    std::span<const server_check> checks;
};

std::span<const check_family> check_families();

// The families; each in its file of checks/.
std::span<const server_check> conversation_checks(); // one client: bytes, pieces, ends
std::span<const server_check> concurrency_checks();  // several clients
std::span<const server_check> limits_checks();       // descriptors, memory, full buffers
std::span<const server_check> injection_checks();    // system calls that fail
std::span<const server_check> stop_checks();         // start and stop

// Conditions for `applies`.
inline bool takes_requests(const profile& profile, const server_promise&) { return profile.takes_requests; }
inline bool takes_lines(const profile& profile, const server_promise&) { return profile.by_lines; }
inline bool echoes_any_size(const profile& profile, const server_promise&) {
    return profile.is_echo && profile.is_any_size;
}
inline bool serves_many(const profile& profile, const server_promise& promise) {
    return profile.takes_requests && promise.serves_many();
}

} // namespace parley
