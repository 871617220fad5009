// Tests of bounded_queue: a queue between threads with a maximum length.
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
        std::vector<std::jthread> threads;
        for (int i = 0; i != 3; ++i) {
            threads.emplace_back([&] { (void)empty.pop(); });
            threads.emplace_back([&, item_to_push = i]() mutable { (void)full.push(item_to_push, never); });
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
    constexpr int items_each = 2000;
    bounded_queue<int> queue{5};
    std::vector<std::atomic<int>> seen(producers * items_each);
    {
        std::vector<std::jthread> consumer_threads;
        for (int i = 0; i != consumers; ++i)
            consumer_threads.emplace_back([&] {
                while (const auto item = queue.pop()) ++seen[static_cast<std::size_t>(*item)];
            });
        {
            std::vector<std::jthread> producer_threads;
            for (int i = 0; i != producers; ++i)
                producer_threads.emplace_back([&, first = i * items_each] {
                    for (int item = first; item != first + items_each; ++item) {
                        int item_to_push = item;
                        queue.push(item_to_push, never);
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
