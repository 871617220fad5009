// Tests of coroutine_pool: order, limit, exceptions, and jobs that never end.
#include "common/coroutines/coroutine_pool.hpp"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <numeric>
#include <string>

using namespace std::chrono_literals;

namespace parley {

namespace {

asio::awaitable<void> pause(coroutine_pool& pool, std::chrono::milliseconds time) {
    asio::steady_timer timer{pool.io_context(), time};
    co_await timer.async_wait(asio::use_awaitable);
}

/// A job that gives way to other jobs `times` times.
asio::awaitable<void> yield(coroutine_pool& pool, int times) {
    for (int time = 0; time != times; ++time) co_await pause(pool, 0ms);
}

} // namespace

TEST_CASE("results are in the order of the items, not in that of their ends") {
    coroutine_pool pool;
    std::vector<int> ended;
    const std::vector items{3, 1, 2};
    const auto square = [&](int item) -> asio::awaitable<std::string> {
        co_await yield(pool, 10 * item);
        ended.push_back(item);
        co_return std::to_string(item * item);
    };
    CHECK(pool.map(square, items) == std::vector<std::string>{"9", "1", "4"});
    CHECK(ended == std::vector{1, 2, 3});
    CHECK(pool.map(square, std::vector<int>{}).empty());
}

TEST_CASE("ten thousand jobs wait in one thread, and at most the limit at a time") {
    for (const std::size_t limit : {std::size_t{1}, std::size_t{7}, coroutine_pool::unlimited}) {
        coroutine_pool pool{limit};
        std::size_t running = 0, most = 0, done = 0;
        for (int i = 0; i != 10'000; ++i)
            pool.spawn([&]() -> asio::awaitable<void> {
                most = std::max(most, ++running);
                co_await yield(pool, 2);
                --running;
                ++done;
            });
        pool.join_all();
        CHECK(done == 10'000);
        CHECK(most == std::min<std::size_t>(limit, 10'000));
    }
}

TEST_CASE("the first exception is reported, and the other jobs end") {
    coroutine_pool pool{2};
    int done = 0;
    for (int i = 1; i <= 5; ++i)
        pool.spawn([&pool, &done, i]() -> asio::awaitable<void> {
            co_await yield(pool, 1);
            ++done;
            if (i % 2 == 0) throw std::runtime_error{"job " + std::to_string(i)};
        });
    CHECK_THROWS_WITH_AS(pool.join_all(), "job 2", std::runtime_error);
    CHECK(done == 5);
    pool.join_all(); // is reported once

    const std::vector items{1, 2, 3};
    const auto fail = [&](int item) -> asio::awaitable<int> {
        co_await yield(pool, 1);
        ++done;
        if (item == 1) throw std::runtime_error{"item 1"};
        co_return item;
    };
    CHECK_THROWS_WITH_AS(pool.map(fail, items), "item 1", std::runtime_error);
    CHECK(done == 8);
}

TEST_CASE("a job can add jobs, which join_all waits for as well") {
    coroutine_pool pool{1};
    std::string order;
    pool.spawn([&]() -> asio::awaitable<void> {
        pool.spawn([&]() -> asio::awaitable<void> {
            order += "inner ";
            co_return;
        });
        co_await yield(pool, 1);
        order += "outer ";
    });
    pool.join_all();
    CHECK(order == "outer inner ");
}

TEST_CASE("a pool that is destroyed with its jobs destroys their variables") {
    const auto resource = std::make_shared<int>();
    {
        coroutine_pool pool{2};
        for (int i = 0; i != 5; ++i)
            pool.spawn([&pool, resource]() -> asio::awaitable<void> {
                const auto copy = resource;
                co_await pause(pool, 1h);
            });
        pool.io_context().poll(); // two wait for their timers, three have not begun
        CHECK(resource.use_count() == 1 + 5 + 2);
    }
    CHECK(resource.use_count() == 1);
    CHECK_THROWS_AS(coroutine_pool{0}, std::invalid_argument);
}

} // namespace parley
