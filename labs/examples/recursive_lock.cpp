// A recursive lock, for a function that locks and calls another one that locks the same.
//
//   Python       threading.RLock instead of threading.Lock
//   look at      with a plain lock the thread waits for itself, for ever; lock_watch finds that and throws
//   afterwards   lab 6; common/concurrency/recursive_mutex.hpp
#include "common/concurrency/lock_watch.hpp"
#include "common/concurrency/recursive_mutex.hpp"
#include "labs/examples/print_line.hpp"

#include <mutex>

using namespace parley;

namespace {

template <class Mutex>
class account {
public:
    explicit account(Mutex& mutex) : mutex_{mutex} {}

    void deposit(int amount) {
        const std::lock_guard lock{mutex_};
        balance_ += amount;
        print_line("Deposit {}: the balance is {}", amount, balance_);
    }

    /// Both deposits are one change: no other thread sees the balance in between.
    void deposit_with_bonus(int amount) {
        const std::lock_guard lock{mutex_};
        print_line("Deposit {} with a bonus", amount);
        deposit(amount); // locks again
        deposit(1);
    }

private:
    Mutex& mutex_;
    int balance_ = 0;
};

} // namespace

int main() {
    lock_watch watch;

    print_line("With a plain lock:");
    watched_mutex plain{"the lock", &watch};
    try {
        account{plain}.deposit_with_bonus(100);
    } catch (const deadlock_error& error) {
        print_line("{}", error.what());
    }

    print_line("With a recursive lock:");
    recursive_mutex recursive{"the lock", &watch};
    account{recursive}.deposit_with_bonus(100);
}
