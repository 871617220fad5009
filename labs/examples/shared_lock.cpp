// Two processes that add 1 and 3 to a shared number, five times each, without and with a lock.
//
//   Python       multiprocessing.Value, multiprocessing.Lock, its acquire and release, with lock
//   look at      the last number: with the lock it is 20. Without, updates are lost between load and store
//   afterwards   lab 5; common/concurrency/locked.hpp; parley-server --model prefork --service counter
//                --counter unlocked
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_value.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <mutex>

using namespace parley;

namespace {

using number = shared_value<int>;

/// Between the load and the store there is time for the other process to store, too.
void add_five_times(number& value, int summand) {
    for (int i = 0; i < 5; ++i) {
        const int old = value.load();
        random_pause(0.01, 0.03);
        value.store(old + summand);
        print_line("{} + {} = {}", old, summand, old + summand);
    }
}

void add_under_lock(number& value, int summand) {
    const std::lock_guard lock{value.get_lock()};
    add_five_times(value, summand);
}

int run_both(void (*add)(number&, int)) {
    number value{0};
    process one{"add 1", [&] { add(value, 1); }};
    process three{"add 3", [&] { add(value, 3); }};
    one.start();
    three.start();
    one.join();
    three.join();
    return value.load();
}

} // namespace

int main() {
    print_line("Without a lock:");
    print_line("The number is {}.", run_both(add_five_times));
    print_line("With a lock:");
    print_line("The number is {}.", run_both(add_under_lock));
}
