// The system call futex(2), for which glibc has no function.
#include "common/multiprocessing/shared_event.hpp"

#include <algorithm>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace parley {

bool shared_event::wait(std::uint32_t seen, std::optional<time_point> deadline) {
    using namespace std::chrono;
    nanoseconds time = max_delay;
    if (deadline) time = std::min(time, *deadline - steady_clock::now());
    if (time <= nanoseconds{0}) return false;
    const timespec limit{.tv_sec = 0, .tv_nsec = static_cast<long>(time.count())}; // below a second
    // The result does not matter: whether woken, interrupted or late, the caller checks its condition again.
    // Without FUTEX_PRIVATE_FLAG, since other processes share the counter.
    syscall(SYS_futex, &count_, FUTEX_WAIT, seen, &limit, nullptr, 0);
    return true;
}

void shared_event::notify(int processes) {
    ++count_;
    syscall(SYS_futex, &count_, FUTEX_WAKE, processes, nullptr, nullptr, 0);
}

} // namespace parley
