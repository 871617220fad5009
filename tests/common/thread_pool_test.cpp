// Tests of thread_pool and named_thread: names, results in order, exceptions, and the end.
#include "common/concurrency/thread_pool.hpp"

#include <atomic>
#include <barrier>
#include <doctest/doctest.h>
#include <fstream>
#include <memory>
#include <ranges>
#include <set>
#include <string>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
/// An exception that a future has passed on is freed by the thread that drops it last. The counter of its
/// owners is in libstdc++.so, where ThreadSanitizer does not see that it orders the threads.
extern "C" const char* __tsan_default_suppressions() {
    return "race:std::__future_base::_Result_base::_Deleter";
}
#endif

namespace parley {

namespace {

std::string name_in_proc() {
    std::string name;
    std::getline(std::ifstream{"/proc/self/task/" + std::to_string(gettid()) + "/comm"}, name);
    return name;
}

} // namespace

TEST_CASE("a thread has its name from its first instruction on, also for ps and the debugger") {
    CHECK(this_thread_name() == "MainThread");
    std::string name, in_proc;
    named_thread{"Thread-1",
                 [&] {
                     name = this_thread_name();
                     in_proc = name_in_proc();
                 }}
        .join();
    CHECK(name == "Thread-1");
    CHECK(in_proc == "Thread-1");
    named_thread{"15 bytes, not 1", [&] { name = this_thread_name(); }}.join();
    CHECK(name == "15 bytes, not 1");
    CHECK_THROWS_WITH_AS((named_thread{"of sixteen bytes", [] {}}),
                         "thread name 'of sixteen bytes': write 1 to 15 bytes", std::invalid_argument);
}

TEST_CASE("a named thread is asked to stop, and joined, at the end of its scope") {
    std::atomic<bool> has_stopped = false;
    {
        const named_thread thread{"stopped", [&](const std::stop_token& stop) {
                                      while (!stop.stop_requested()) std::this_thread::yield();
                                      has_stopped = true;
                                  }};
    }
    CHECK(has_stopped);
}

TEST_CASE("tasks run in the named threads of the pool, and their results come back in order") {
    thread_pool pool{3, "worker"};
    std::set<std::string> names;
    for (const auto& name : pool.map([](int) { return this_thread_name(); }, std::views::iota(0, 1000)))
        names.insert(name);
    for (const auto& name : names) CHECK((name == "worker_0" || name == "worker_1" || name == "worker_2"));
    std::atomic<int> sum = 0;
    const auto squares = pool.map(
        [&](int i) {
            sum += i;
            return i * i;
        },
        std::views::iota(0, 10'000));
    for (int i = 0; i != 10'000; ++i)
        if (squares.at(static_cast<std::size_t>(i)) != i * i) FAIL(i << " is not in its place");
    CHECK(sum == 10'000 * 9'999 / 2);
    CHECK(pool.submit([owned = std::make_unique<int>(7)] { return *owned; }).get() == 7);
}

TEST_CASE("all threads of a pool run at the same time, and no more") {
    std::atomic<int> running = 0, most = 0;
    std::barrier four_run{4}; // waits forever if fewer run at the same time
    thread_pool pool{4};
    const auto meet = [&](int) {
        const int now = ++running;
        for (int old = most; old < now && !most.compare_exchange_weak(old, now);) {
        }
        four_run.arrive_and_wait();
        return --running;
    };
    pool.map(meet, std::views::iota(0, 40));
    CHECK(most == 4);
}

TEST_CASE("a task that throws fails alone, and map reports the first in the order of the items") {
    thread_pool pool{2};
    auto failing = pool.submit([]() -> int { throw std::runtime_error{"no result"}; });
    CHECK_THROWS_WITH_AS(failing.get(), "no result", std::runtime_error);
    std::atomic<int> calls = 0;
    const auto fail_often = [&](int i) {
        ++calls;
        if (i % 3 == 2) throw std::runtime_error{"item " + std::to_string(i)};
        return i;
    };
    CHECK_THROWS_WITH_AS(pool.map(fail_often, std::views::iota(0, 100)), "item 2", std::runtime_error);
    CHECK(calls == 100);
}

TEST_CASE("a closed pool runs what is in its queue, and takes no more") {
    std::atomic<int> done = 0;
    {
        thread_pool pool{2, "pool", 5}; // more tasks than room: submit waits
        for (int i = 0; i != 100; ++i) pool.submit([&] { ++done; });
        pool.close();
        CHECK_THROWS_AS(pool.submit([] {}), std::logic_error);
        pool.join();
        CHECK(done == 100);
        pool.join();
    }
    {
        thread_pool pool{2};
        for (int i = 0; i != 100; ++i) pool.submit([&] { ++done; });
    }
    CHECK(done == 200);
}

TEST_CASE("a pool that cannot have its threads is an error, and leaves none") {
    CHECK_THROWS_AS(thread_pool{0}, std::invalid_argument);
    CHECK_THROWS_AS((thread_pool{11, "name_of_pool_"}), std::invalid_argument); // only the last is too long
}

} // namespace parley
