// Two threads and shared money: a balance with and without a lock, and transfers between two accounts in
// opposite directions. The handout says what to do in each step: scripts/lab handout 6.
#include <atomic>
#include <charconv>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <thread>

namespace {

/// A balance that several threads change. Each single load and store is atomic, so it is well defined, but
/// add() is a load and a store.
class account {
public:
    explicit account(long balance = 0) : balance_{balance} {}

    void add(long amount) {
        balance_.store(balance_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    [[nodiscard]] long balance() const { return balance_.load(std::memory_order_relaxed); }

    std::mutex mutex; // for callers that lock

private:
    std::atomic<long> balance_;
};

/// Two threads put in and take out the same amounts, `rounds` times. Returns the balance, which should be 0.
long run_balance(bool, int rounds) {
    // Step 1: two threads, without a lock. Step 2: with the lock.
    account account;
    account.add(rounds);
    return account.balance();
}

/// Two threads transfer in opposite directions. Returns the sum of both accounts, which should be 2000.
long run_transfers(int) {
    // Step 3: lock both accounts for each transfer. The threads must not wait for each other for ever.
    const account left{1000}, right;
    return left.balance() + right.balance();
}

} // namespace

int main(int argument_count, char* arguments[]) {
    const std::string_view command = argument_count == 3 ? arguments[1] : "";
    const std::string_view text = argument_count == 3 ? arguments[2] : "";
    int rounds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
    const bool is_number = error == std::errc{} && end == text.data() + text.size() && rounds > 0;
    if (is_number && (command == "unlocked" || command == "locked")) {
        std::printf("balance %ld\n", run_balance(command == "locked", rounds));
    } else if (is_number && command == "transfers") {
        std::printf("total %ld\n", run_transfers(rounds));
    } else {
        std::fprintf(stderr, "usage: accounts unlocked|locked|transfers ROUNDS\n");
        return 2;
    }
}
