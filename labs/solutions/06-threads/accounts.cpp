// Two threads and shared money: a balance with and without a lock, and transfers between two accounts in
// opposite directions. See std::mutex, std::scoped_lock.
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
long run_balance(bool locks, int rounds) {
    account account;
    const auto change = [&](long amount) {
        for (int i = 0; i < rounds; ++i) {
            for (const long step : {amount, -amount}) {
                if (locks) {
                    const std::lock_guard guard{account.mutex};
                    account.add(step);
                } else {
                    account.add(step); // another thread may store between its load and its store
                }
            }
        }
    };
    { std::jthread first{change, 5}, second{change, 8}; } // joins both
    return account.balance();
}

/// Moves one unit. Both accounts are locked, so that no thread sees the money on its way.
void transfer(account& from, account& to) {
    const std::scoped_lock locks{from.mutex,
                                 to.mutex}; // in an order that cannot deadlock, whatever the arguments
    from.add(-1);
    to.add(1);
}

/// Two threads transfer in opposite directions. Returns the sum of both accounts, which should be 2000.
long run_transfers(int rounds) {
    account left{1000}, right{1000};
    {
        std::jthread first{[&] {
            for (int i = 0; i < rounds; ++i) transfer(left, right);
        }};
        std::jthread second{[&] {
            for (int i = 0; i < rounds; ++i) transfer(right, left);
        }};
    }
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
