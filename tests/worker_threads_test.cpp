// Threads are numbered, limited, woken and joined.
#include "common/slot_numbers.hpp"
#include "common/stop_signal.hpp"
#include "common/worker_threads.hpp"
#include "tests/in_child.hpp"
#include "tests/socket_pair.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <set>

using namespace std::chrono_literals;

namespace parley {

using work = worker_threads::work;

TEST_CASE("the smallest free number is taken first") {
    slot_numbers numbers{3};
    CHECK(numbers.take() == 1);
    CHECK(numbers.take() == 2);
    CHECK(numbers.take() == 3);
    CHECK_FALSE(numbers.any_free());
    numbers.give_back(3);
    numbers.give_back(1);
    CHECK(numbers.taken() == 1);
    CHECK(numbers.take() == 1);
    CHECK(numbers.take() == 3);
    CHECK_FALSE(numbers.any_free());
}

TEST_CASE("each thread has a number of its own, and all are joined") {
    std::mutex mutex;
    std::set<int> numbers;
    worker_threads threads{20};
    for (int i = 0; i != 20; ++i)
        CHECK(threads.start(work{[&](int number) {
            const std::lock_guard lock{mutex};
            numbers.insert(number);
        }}));
    threads.join();
    CHECK(!numbers.empty());
    CHECK(*numbers.begin() == 1);
    CHECK(*numbers.rbegin() <= 20);
}

TEST_CASE("there are never more threads than the limit") {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    worker_threads threads{3};
    for (int i = 0; i != 100; ++i) {
        REQUIRE(threads.wait_for_room());
        threads.start(work{[&](int) {
            most = std::max(most.load(), ++running);
            std::this_thread::yield();
            --running;
            ++done;
        }});
    }
    threads.join();
    CHECK(done == 100);
    CHECK(most <= 3);
}

TEST_CASE("what a thread owns is gone when it has been joined") {
    const auto owned = std::make_shared<int>(1);
    worker_threads threads{1};
    threads.start(work{[own = std::make_unique<int>(1), also = owned](int) {}});
    threads.join();
    CHECK(owned.use_count() == 1);
}

TEST_CASE("a stop wakes a thread that waits, and whoever waits for room") {
    CHECK(in_child([] {
              stop_signal::install(0ms);
              worker_threads threads{1};
              auto ends = make_socket_pair(0);
              threads.start(work{[&](int) {
                  input_area area;
                  while (!stop_signal::requested()) (void)ends.ours.read_some(area);
              }});
              kill(getpid(), SIGTERM);
              require(!threads.wait_for_room(), "a stop instead of room");
              threads.join();
          }) == "exit 0");
}

TEST_CASE("what a thread throws requests a stop, and is thrown to whoever joins") {
    CHECK(in_child([] {
              stop_signal::install(0ms);
              worker_threads threads{1};
              threads.start(work{[](int) { throw std::runtime_error{"the thread failed"}; }});
              std::string thrown;
              try {
                  threads.join();
              } catch (const std::runtime_error& error) {
                  thrown = error.what();
              }
              require(thrown == "the thread failed", "thrown to us");
              require(stop_signal::requested(), "a stop");
          }) == "exit 0");
}

TEST_CASE("threads that are left at the end are asked to stop") {
    CHECK(in_child([] {
              stop_signal::install(0ms);
              auto ends = make_socket_pair(0);
              worker_threads threads{1};
              threads.start(work{[&](int) {
                  input_area area;
                  while (!stop_signal::requested()) (void)ends.ours.read_some(area);
              }});
          }) == "exit 0");
}

} // namespace parley
