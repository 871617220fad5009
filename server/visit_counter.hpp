// A counter that all clients share, whatever process or thread serves them: in two correct ways, and in two
// wrong ones as a lesson. The wrong ones have defined behaviour: they lose updates or count per worker, and
// break nothing else.
#pragma once

#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

class visit_counter {
public:
    enum class kind {
        mutex,    // shared memory, one worker at a time
        atomic,   // shared memory, one atomic instruction
        unlocked, // shared memory, read and written back without a lock: loses updates
        own,      // a counter per worker ("private"): no client sees the total
    };
    static constexpr std::array<std::pair<std::string_view, kind>, 4> kinds{{{"mutex", kind::mutex},
                                                                             {"atomic", kind::atomic},
                                                                             {"unlocked", kind::unlocked},
                                                                             {"private", kind::own}}};

    /// `workers`: the highest possible request_context::worker.
    visit_counter(kind chosen, int workers);

    /// Adds one and returns the new value. Call it from a session only.
    std::uint64_t add_one();

private:
    struct shared_values {
        locked<std::uint64_t> guarded;
        std::atomic<std::uint64_t> plain{0};
    };

    kind kind_;
    shared_memory<shared_values> shared_;
    std::vector<std::uint64_t> own_; // by worker; after fork(2) each process has its own copy in any case
};

} // namespace parley
