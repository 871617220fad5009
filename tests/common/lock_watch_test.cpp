// Tests of lock_watch, watched_mutex and recursive_mutex: deadlocks are found, and only those.
#include "common/concurrency/lock_watch.hpp"
#include "common/concurrency/named_thread.hpp"
#include "common/concurrency/recursive_mutex.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <deque>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

namespace parley {

namespace {

const std::string reason = ": Resource deadlock avoided"; // strerror(EDEADLK), without the "would occur"

/// Lets `count` threads, named A, B ..., each hold a lock and then lock that of the next one. Returns the
/// reports.
template <class Mutex>
std::vector<std::string> lock_in_a_circle(int count) {
    lock_watch watch;
    std::deque<Mutex> locks;
    for (int i = 0; i != count; ++i) locks.emplace_back(std::string(1, static_cast<char>('x' + i)), &watch);
    std::barrier all_hold_one{count};
    std::mutex reports_mutex;
    std::vector<std::string> reports;
    std::vector<named_thread> threads;
    for (int i = 0; i != count; ++i)
        threads.emplace_back(std::string(1, static_cast<char>('A' + i)), [&, i] {
            const std::lock_guard first{locks[static_cast<std::size_t>(i)]};
            all_hold_one.arrive_and_wait();
            try {
                const std::lock_guard second{locks[static_cast<std::size_t>((i + 1) % count)]};
            } catch (const deadlock_error& error) {
                const std::lock_guard guard{reports_mutex};
                CHECK(error.code() == std::errc::resource_deadlock_would_occur);
                reports.emplace_back(error.what());
            }
        });
    threads.clear();
    CHECK(watch.waits().empty());
    return reports;
}

std::string without_reason(const std::string& report) { return report.substr(0, report.rfind(": ")); }

/// True if `report` is one of `possible`: any of the threads may be the last.
bool is_one_of(const std::string& report, const std::vector<std::string>& possible) {
    for (const auto& text : possible)
        if (without_reason(report) == text) return true;
    return false;
}

} // namespace

TEST_CASE(
    "two locks that are taken crosswise are reported by the thread that comes last, and the other goes on") {
    for (int round = 0; round != 20; ++round) {
        const auto reports = lock_in_a_circle<watched_mutex>(2);
        REQUIRE(reports.size() == 1);
        CAPTURE(reports[0]);
        CHECK(is_one_of(
            reports[0],
            {"deadlock: thread A holds lock 'x' and waits for 'y'; thread B holds 'y' and waits for 'x'",
             "deadlock: thread B holds lock 'y' and waits for 'x'; thread A holds 'x' and waits for 'y'"}));
    }
}

TEST_CASE("a circle of three threads is reported once, with all of them") {
    for (int round = 0; round != 20; ++round) {
        const auto reports = lock_in_a_circle<recursive_mutex>(3);
        REQUIRE(reports.size() == 1);
        CAPTURE(reports[0]);
        CHECK(is_one_of(reports[0],
                        {"deadlock: thread A holds lock 'x' and waits for 'y'; thread B holds 'y' and "
                         "waits for 'z'; thread C holds 'z' and waits for 'x'",
                         "deadlock: thread B holds lock 'y' and waits for 'z'; thread C holds 'z' and "
                         "waits for 'x'; thread A holds 'x' and waits for 'y'",
                         "deadlock: thread C holds lock 'z' and waits for 'x'; thread A holds 'x' and "
                         "waits for 'y'; thread B holds 'y' and waits for 'z'"}));
    }
}

TEST_CASE("a thread that locks the same mutex twice is a deadlock, unless the mutex is recursive") {
    lock_watch watch;
    watched_mutex mutex{"balance", &watch};
    {
        const std::lock_guard first{mutex};
        CHECK_FALSE(mutex.try_lock());
        CHECK_THROWS_WITH_AS(
            mutex.lock(),
            ("deadlock: thread MainThread holds lock 'balance' and waits for 'balance'" + reason).c_str(),
            deadlock_error);
    }
    CHECK(mutex.try_lock());
    mutex.unlock();

    recursive_mutex recursive{"account", &watch};
    const std::scoped_lock twice{recursive, mutex};
    const std::lock_guard again{recursive};
}

TEST_CASE("a recursive mutex is free for others only after as many unlocks as locks") {
    recursive_mutex mutex{"account"};
    const auto can_be_locked_elsewhere = [&] {
        bool can = false;
        named_thread{"other",
                     [&] {
                         CHECK_THROWS_AS(mutex.unlock(),
                                         std::system_error); // it belongs to no thread, or to the first
                         can = mutex.try_lock();
                         if (can) mutex.unlock();
                     }}
            .join();
        return can;
    };
    mutex.lock();
    CHECK(mutex.try_lock());
    mutex.lock();
    for (int held = 3; held != 0; --held) {
        CHECK_FALSE(can_be_locked_elsewhere());
        mutex.unlock();
    }
    CHECK(can_be_locked_elsewhere());
    CHECK_THROWS_AS(mutex.unlock(), std::system_error);
}

TEST_CASE("the watch says who waits for what, and a thread that waits for a deadlocked one is not part of it") {
    std::vector<std::string> reports;
    lock_watch watch{[&](const std::string& report) {
        reports.push_back(report);
        throw deadlock_error{report};
    }};
    watched_mutex x{"x", &watch}, y{"y", &watch};
    const auto wait_for = [&](std::size_t count) {
        while (watch.waits().size() != count) std::this_thread::yield();
    };
    named_thread b, c;
    {
        const std::lock_guard hold_x{x};
        b = named_thread{"B", [&] {
                             const std::lock_guard hold_y{y};
                             const std::lock_guard want_x{x};
                         }};
        wait_for(1);
        CHECK(watch.waits()[0] == "thread B waits for 'x', which thread MainThread holds");
        c = named_thread{"C", [&] { const std::lock_guard want_y{y}; }};
        wait_for(2);
        CHECK(reports.empty());
        CHECK_THROWS_AS(y.lock(), deadlock_error);
        CHECK(watch.waits().size() == 2);
    }
    b.join();
    c.join();
    CHECK(watch.waits().empty());
    CHECK(reports.size() == 1);
}

TEST_CASE("correct use is never reported, and excludes other threads") {
    for (const bool is_watched : {true, false}) {
        lock_watch watch;
        std::atomic<int> reports = 0;
        std::deque<watched_mutex> locks;
        for (int i = 0; i != 4; ++i) locks.emplace_back(std::to_string(i), is_watched ? &watch : nullptr);
        std::array<int, 4> balances{};
        constexpr int rounds = 3000;
        const auto seed = std::random_device{}();
        CAPTURE(seed);
        {
            std::vector<named_thread> threads;
            for (unsigned thread = 0; thread != 4; ++thread)
                threads.emplace_back("thread_" + std::to_string(thread), [&, thread] {
                    std::mt19937 random{seed + thread};
                    for (int round = 0; round != rounds; ++round) try {
                            auto from = random() % 4, to = random() % 4;
                            if (from == to) to = (to + 1) % 4;
                            const auto transfer = [&] {
                                --balances.at(from);
                                std::this_thread::yield(); // so that other threads wait
                                ++balances.at(to);
                            };
                            if (random() % 2 == 0) { // the algorithm of the library avoids deadlocks
                                const std::scoped_lock both{locks[from], locks[to]};
                                transfer();
                            } else { // always in the same order
                                const std::lock_guard low{locks[std::min(from, to)]};
                                const std::lock_guard high{locks[std::max(from, to)]};
                                transfer();
                            }
                        } catch (const deadlock_error&) {
                            ++reports;
                        }
                });
        }
        CHECK(reports == 0);
        CHECK(balances[0] + balances[1] + balances[2] + balances[3] == 0);
        CHECK(watch.waits().empty());
    }
}

} // namespace parley
