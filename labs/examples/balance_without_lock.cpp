// Lost updates of two threads that change a balance without a lock.
//
//   Python       threading.Thread without threading.Lock: balance = balance + n; balance = balance - n
//   look at      each thread adds n and subtracts n, 100,000 times; still the balance is not 0, sooner or later
//   afterwards   balance_with_lock; lab 6; the counter "unlocked" in server/visit_counter.hpp
//
// `balance = balance + n` is a load, an addition and a store. A store of the other thread in between is lost.
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <atomic>
#include <latch>

using namespace parley;

namespace {

/// With a plain int, two threads that write it are a data race: undefined behaviour. A relaxed load and a
/// relaxed store lose updates just as well, but can do no other harm.
std::atomic<int> balance = 0;

void add(int amount) {
    const int old = balance.load(std::memory_order_relaxed);
    balance.store(old + amount, std::memory_order_relaxed);
}

void change(int amount, std::latch& start) {
    start.arrive_and_wait(); // a thread starts slower than it works: without this, they hardly meet
    for (int i = 0; i != 100'000; ++i) {
        add(amount);
        add(-amount);
    }
}

} // namespace

int main() {
    constexpr int most_rounds = 100;
    int round = 0;
    while (balance == 0 && ++round <= most_rounds) {
        std::latch start{2};
        named_thread first{"Thread-A", [&] { change(5, start); }};
        named_thread second{"Thread-B", [&] { change(8, start); }};
        first.join();
        second.join();
        print_line("Round {}: the balance is {}", round, balance.load());
    }
    if (balance == 0)
        print_line("It should be 0, and it is. That proves nothing: run it again.");
    else
        print_line("It should be 0. Updates were lost, and there was no error message.");
}
