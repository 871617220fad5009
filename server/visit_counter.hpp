// One number that all clients count up, whichever process or thread serves them: two right ways to share it,
// and two wrong ones to learn from. The wrong ones are well defined: they lose updates, and break nothing.
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
        mutex,    // shared memory, one at a time
        atomic,   // shared memory, one instruction
        unlocked, // shared memory, read and written back as if nobody else were there: loses updates
        own,      // each worker counts for itself ("private"): nobody knows the sum
    };
    static constexpr std::array<std::pair<std::string_view, kind>, 4> kinds{{{"mutex", kind::mutex},
                                                                             {"atomic", kind::atomic},
                                                                             {"unlocked", kind::unlocked},
                                                                             {"private", kind::own}}};

    /// `workers`: the highest number that request_context::worker can have.
    visit_counter(kind chosen, int workers);

    /// Counts one visit and returns the new value. Called from within a session.
    std::uint64_t add_one();

private:
    struct shared_values {
        locked<std::uint64_t> guarded;
        std::atomic<std::uint64_t> plain{0};
    };

    kind kind_;
    shared_memory<shared_values> shared_;
    std::vector<std::uint64_t> own_; // one per worker; after fork(2) each process has its own copy anyway
};

} // namespace parley
