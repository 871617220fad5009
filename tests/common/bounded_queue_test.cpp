// A queue between threads that is never longer than agreed.
#include "common/concurrency/bounded_queue.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <thread>
#include <vector>

namespace parley {

namespace {
const auto never = [] { return false; };
const auto at_once = [] { return true; };
} // namespace

TEST_CASE("what comes first goes first") {
    bounded_queue<int> queue{3};
    for (int item : {1, 2, 3}) CHECK(queue.push(item, never));
    for (const int item : {1, 2, 3}) CHECK(queue.pop() == item);
}

TEST_CASE("a full queue takes nothing, and the item stays with its owner") {
    bounded_queue<std::unique_ptr<int>> queue{1};
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    CHECK(queue.push(first, never));
    CHECK_FALSE(first);
    CHECK_FALSE(queue.push(second, at_once));
    CHECK(*second == 2);
    CHECK(**queue.pop() == 1);
    CHECK(queue.push(second, at_once));
}

TEST_CASE("a closed queue gives what is inside, and takes nothing") {
    bounded_queue<int> queue{2};
    int item = 7;
    CHECK(queue.push(item, never));
    queue.close();
    CHECK_FALSE(queue.push(item, never));
    CHECK(queue.pop() == 7);
    CHECK(queue.pop() == std::nullopt);
    CHECK(queue.pop() == std::nullopt);
}

TEST_CASE("closing wakes all who wait, at either end") {
    bounded_queue<int> empty{1};
    bounded_queue<int> full{1};
    int item = 1;
    CHECK(full.push(item, never));
    {
        std::vector<std::jthread> waiting;
        for (int i = 0; i != 3; ++i) {
            waiting.emplace_back([&] { (void)empty.pop(); });
            waiting.emplace_back([&, mine = i]() mutable { (void)full.push(mine, never); });
        }
        empty.close();
        full.close();
    }
    CHECK(full.pop() == 1);
    CHECK(full.pop() == std::nullopt);
}

TEST_CASE("whatever the threads do, each item comes out once") {
    constexpr int producers = 3;
    constexpr int consumers = 4;
    constexpr int each = 2000;
    bounded_queue<int> queue{5};
    std::vector<std::atomic<int>> seen(producers * each);
    {
        std::vector<std::jthread> taking;
        for (int i = 0; i != consumers; ++i)
            taking.emplace_back([&] {
                while (const auto item = queue.pop()) ++seen[static_cast<std::size_t>(*item)];
            });
        {
            std::vector<std::jthread> giving;
            for (int i = 0; i != producers; ++i)
                giving.emplace_back([&, first = i * each] {
                    for (int item = first; item != first + each; ++item) {
                        int given = item;
                        queue.push(given, never);
                    }
                });
        }
        queue.close();
    }
    int wrong = 0;
    for (const auto& count : seen) wrong += count != 1;
    CHECK(wrong == 0);
}

} // namespace parley
