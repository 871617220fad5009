// Deadlock of two threads that take two locks crosswise, so that each waits for the other one.
//
//   Python       threading.Lock twice, in a different order; no error is raised, and the threads wait for ever
//   look at      lock_watch sees the cycle before the second thread waits, and says who waits for what
//   afterwards   lab 6; common/concurrency/lock_watch.hpp
//
// To avoid it, all threads take the locks in the same order, or std::scoped_lock takes both at once.
#include "common/concurrency/lock_watch.hpp"
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <latch>
#include <mutex>
#include <string>

using namespace parley;

namespace {

/// Takes `first`, waits until the other thread has its first lock too, and takes `second`.
void take_crosswise(watched_mutex& first, watched_mutex& second, std::latch& both_hold_one) try {
    const std::lock_guard holds_first{first};
    print_line("thread {} holds its first lock", this_thread_name());
    both_hold_one.arrive_and_wait();
    const std::lock_guard holds_second{second};
    print_line("thread {} holds both locks", this_thread_name());
} catch (const deadlock_error&) {
    // The first lock is unlocked by now: the other thread can go on.
}

/// Called before the second thread waits. Without the exception, both would wait for ever.
void refuse_to_wait(const std::string& report) {
    print_line("{}", report);
    print_line("thread {} gives up its first lock", this_thread_name());
    throw deadlock_error{report};
}

void take_together(watched_mutex& first, watched_mutex& second) {
    const std::scoped_lock holds_both{first, second};
    print_line("thread {} holds both locks", this_thread_name());
}

} // namespace

int main() {
    lock_watch watch{refuse_to_wait};
    watched_mutex x{"x", &watch}, y{"y", &watch};
    {
        print_line("Crosswise:");
        std::latch both_hold_one{2};
        const named_thread first{"A", [&] { take_crosswise(x, y, both_hold_one); }};
        const named_thread second{"B", [&] { take_crosswise(y, x, both_hold_one); }};
    } // joins both
    {
        print_line("Together:");
        const named_thread first{"A", [&] { take_together(x, y); }};
        const named_thread second{"B", [&] { take_together(y, x); }};
    }
    print_line("No thread waits any more.");
}
