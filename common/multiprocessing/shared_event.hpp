// A counter in shared memory on which processes wait until another process increments it (futex(2)).
//
// Not a process-shared condition variable (pthread_cond_wait(3)): a process that is killed while it waits in
// one, or signals it, can leave it in a state in which all others block for ever. A futex has no state but
// its number.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace parley {

class shared_event {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Returns the number of notifications so far. Read it before the condition that wait() is for.
    [[nodiscard]] std::uint32_t count() const { return count_.load(); }

    /// Waits until count() is no longer `seen`. It may also return earlier; so check the condition again. Waits
    /// for ever without a deadline. Returns false if the deadline has passed.
    [[nodiscard]] bool wait(std::uint32_t seen, std::optional<time_point> deadline);

    /// Increments the counter and wakes one process that waits, or all.
    void notify_one() { notify(1); }
    void notify_all() { notify(1'000'000); }

    /// wait() returns at least this often. A process may be killed after it has changed the condition and
    /// before it has notified; then the others see the change this much later.
    static constexpr std::chrono::milliseconds max_delay{100};

private:
    void notify(int processes);

    std::atomic<std::uint32_t> count_{0};
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);
};

} // namespace parley
