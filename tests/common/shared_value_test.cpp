// Tests of shared_value and shared_array: true with their lock, and wrong without it in a defined way.
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_value.hpp"

#include <doctest/doctest.h>
#include <numeric>

namespace parley {

TEST_CASE("two processes that add 1 and 3 under the lock lose no update") {
    shared_value<int> value{7};
    shared_array<double> array{2};
    const auto add = [&](int number) {
        return [&, number] {
            for (int i = 0; i != 10'000; ++i) {
                value.with([&](int& n) { n += number; });
                const std::lock_guard lock{array.get_lock()};
                array[1] += number;
            }
        };
    };
    process one{"one", add(1)};
    process three{"three", add(3)};
    one.start();
    three.start();
    one.join();
    three.join();
    CHECK(value.load() == 40'007);
    CHECK(array.with([](auto cells) { return std::accumulate(cells.begin(), cells.end(), 0.0); }) == 40'000.0);
}

TEST_CASE("an update between load and store is lost without the lock") {
    shared_value<int> value;
    duplex_pipe<int> pipe;
    process child{"child", [&] {
                      const int before = value.load();
                      (void)pipe.second.send(before);
                      (void)pipe.second.receive();
                      value.store(before + 1);
                  }};
    child.start();
    CHECK(pipe.first.receive() == 0);
    value.store(value.load() + 1);
    CHECK(pipe.first.send(0));
    child.join();
    CHECK(value.load() == 1); // not 2
}

TEST_CASE("a process that is killed under the lock blocks no other, and leaves the old value") {
    shared_value<int> value{1};
    process child{"child", [&] {
                      value.with([](int& n) {
                          n = 100;
                          raise(SIGKILL);
                      });
                  }};
    child.start();
    child.join();
    CHECK(child.end()->signal() == SIGKILL);
    CHECK(value.with([](int& n) { return ++n; }) == 2);
    CHECK(value.load() == 2);
}

TEST_CASE("an index outside of a shared array is told") {
    shared_array<long> array{3};
    array[2] = 5;
    CHECK(array.at(2) == 5);
    CHECK_THROWS_AS((void)array[3], std::out_of_range);
    CHECK_THROWS_AS(shared_array<long>{0}, std::invalid_argument);
}

} // namespace parley
