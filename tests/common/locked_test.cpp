// Tests of locked: threads and processes change a value one at a time, even if one of them dies while it
// holds the lock.
#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"
#include "tests/support/run_in_fork.hpp"

#include <doctest/doctest.h>
#include <thread>
#include <vector>

namespace parley {

TEST_CASE("threads lose no update") {
    locked<int> sum;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i != 4; ++i)
            threads.emplace_back([&] {
                for (int j = 0; j != 5000; ++j) sum.with([](int& value) { ++value; });
            });
    }
    CHECK(sum.with([](int& value) { return value; }) == 20'000);
}

TEST_CASE("processes lose no update") {
    shared_memory<locked<int>> sum{"sum"};
    std::vector<pid_t> children;
    for (int i = 0; i != 4; ++i) {
        const pid_t child = fork();
        REQUIRE(child != -1);
        if (child == 0) {
            for (int j = 0; j != 5000; ++j) sum->with([](int& value) { ++value; });
            _exit(0);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) CHECK(waitpid(child, nullptr, 0) == child);
    CHECK(sum->with([](int& value) { return value; }) == 20'000);
}

TEST_CASE("a process that dies with the lock in its hands does not block the others") {
    shared_memory<locked<int>> shared{"shared"};
    CHECK(run_in_fork([&] {
              shared->with([](int& value) {
                  value = 1;
                  raise(SIGKILL);
              });
          }) == "signal 9");
    for (int time = 0; time != 2; ++time) CHECK(shared->with([](int& value) { return value; }) == 1);
}

TEST_CASE("memory that is shared starts as the type's own beginning") {
    struct pair {
        int plain;
        int seven = 7;
    };
    shared_memory<pair> pairs{"pairs", 3};
    CHECK(pairs.size() == 3);
    CHECK(pairs[2].seven == 7);
    shared_memory<int> numbers{"numbers", 1000};
    CHECK(numbers[999] == 0);
}

} // namespace parley
