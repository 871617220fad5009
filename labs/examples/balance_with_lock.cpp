// A lock, under which two threads change a balance one at a time.
//
//   Python       threading.Lock: acquire and release in try ... finally, or `with lock:`
//   look at      the balance is 0 at the end of each round; compare balance_without_lock
//   afterwards   deadlock; lab 6; common/concurrency/locked.hpp, a lock between processes
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <latch>
#include <mutex>

using namespace parley;

namespace {

std::mutex mutex; // guards balance
int balance = 0;

void change(int amount, std::latch& start) {
    start.arrive_and_wait();
    for (int i = 0; i != 100'000; ++i) {
        const std::lock_guard lock{mutex}; // unlocks at the end of the block, also after an exception
        balance += amount;
        balance -= amount;
    }
}

} // namespace

int main() {
    for (int round = 1; round <= 5; ++round) {
        std::latch start{2};
        named_thread first{"Thread-A", [&] { change(5, start); }};
        named_thread second{"Thread-B", [&] { change(8, start); }};
        first.join();
        second.join();
        print_line("Round {}: the balance is {}", round, balance);
    }
    print_line("It should be 0, and always is: a thread waits until the other one has unlocked.");
}
