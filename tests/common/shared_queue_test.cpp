// Tests of shared_queue: order, limits, close, and processes that are killed inside it.
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"
#include "common/multiprocessing/shared_value.hpp"
#include "tests/support/proc.hpp"

#include <doctest/doctest.h>
#include <optional>
#include <random>
#include <string>

using namespace std::chrono_literals;

namespace parley {

TEST_CASE("items leave the queue in order, full and empty are values, and the slots are used again") {
    shared_queue<std::string> queue{3};
    for (int round = 0; round != 3; ++round) {
        CHECK(queue.try_get().status == queue_status::empty);
        CHECK(queue.get(1ms).status == queue_status::empty);
        for (const char* item : {"a", "", "ccc"}) CHECK(queue.try_put(item) == queue_status::ok);
        CHECK(queue.size() == 3);
        CHECK(queue.try_put("d") == queue_status::full);
        CHECK(queue.put("d", 1ms) == queue_status::full);
        for (const char* item : {"a", "", "ccc"}) CHECK(queue.get().value == item);
    }
}

TEST_CASE("a closed queue gives its items, and then says closed") {
    shared_queue<int> queue{2};
    CHECK(queue.put(1) == queue_status::ok);
    queue.close();
    CHECK(queue.put(2) == queue_status::closed);
    CHECK(queue.get().value == 1);
    CHECK(queue.get().status == queue_status::closed);
}

TEST_CASE("an item that is too large is told, and needs larger slots") {
    shared_queue<std::string> small{1}, large{1, 5000};
    const std::string item(4000, 'x');
    CHECK_THROWS_WITH_AS(small.put(item), doctest::Contains("at most 1000"), std::length_error);
    CHECK(large.put(item) == queue_status::ok);
    CHECK(large.get().value == item);
    CHECK_THROWS_AS(shared_queue<int>{0}, std::invalid_argument);
}

TEST_CASE("processes that wait for an item or for room are woken, also by close") {
    shared_queue<int> questions{1}, answers{1};
    process doubler{"doubler", [&] {
                        while (const auto question = questions.get().value)
                            if (answers.put(2 * *question) == queue_status::closed) return 1;
                        return 0;
                    }};
    doubler.start();
    // Both queues have one slot: each side waits for the other thousands of times.
    process writer{"writer", [&] {
                       for (int i = 0; i != 5000; ++i) questions.put(i);
                       questions.close();
                   }};
    writer.start();
    long sum = 0;
    for (int i = 0; i != 5000; ++i) sum += *answers.get().value;
    CHECK(sum == 5000L * 4999);
    CHECK(doubler.join(time_limit));
    CHECK(doubler.end()->exit_code() == 0);
}

TEST_CASE("a reader that is killed while it waits takes nothing with it") {
    shared_queue<int> queue{10};
    process reader{"reader", [&] { return queue.get().value.value(); }};
    reader.start();
    // S: it sleeps in its call.
    REQUIRE(eventually([&] {
        return find_processes([&](const process_state& state) {
                   return state.process == reader.pid() && state.state == 'S';
               }).size() == 1;
    }));
    reader.kill();
    reader.join();
    CHECK(queue.put(7) == queue_status::ok);
    CHECK(queue.get().value == 7);
}

TEST_CASE("processes that are killed in put and get block no other, and lose at most the item in their hands") {
    constexpr int count = 30; // positive items per round; the writer that is killed puts zeros
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::minstd_rand random{seed};
    // Items of bytes, 512 KiB of the same number: so the processes hold the lock for most of their time.
    constexpr std::size_t size = 512 * 1024;
    const auto item_of = [](int number) { return std::string(size, static_cast<char>(number)); };
    shared_byte_queue queue{3, size};
    for (int round = 0; round != 25; ++round) {
        CAPTURE(round);
        shared_value<int> kept; // positive items of the reader that is killed
        process writer{"writer", [&] {
                           for (int i = 1; i <= count; ++i) (void)queue.put(item_of(i), std::nullopt);
                       }};
        process killed_writer{"killed writer", [&] {
                                  const auto zeros = item_of(0);
                                  for (;;) (void)queue.put(zeros, std::nullopt);
                              }};
        process killed_reader{"killed reader", [&] {
                                  std::string item;
                                  while (queue.get(item, std::nullopt) == queue_status::ok)
                                      if (item.front() > 0) kept.store(kept.load() + 1);
                              }};
        killed_writer.start();
        killed_reader.start();
        writer.start();
        int received = 0, last = 0;
        std::string item;
        const auto receive = [&](std::chrono::milliseconds limit) {
            if (queue.get(item, limit) != queue_status::ok) return false;
            if (item.front() == 0) return true;
            CHECK(item == item_of(item.front()));
            CHECK(item.front() > last);
            last = item.front();
            ++received;
            return true;
        };
        // The kill shall not always follow the release of the lock by this process.
        const auto compute = [&] {
            for (auto steps = random() % 100'000; steps != 0; --steps) (void)random();
        };
        for (auto items = random() % 20; items != 0; --items) REQUIRE(receive(time_limit));
        compute();
        (random() % 2 ? killed_writer : killed_reader).kill();
        for (auto items = random() % 5; items != 0; --items) (void)receive(1ms);
        compute();
        killed_writer.kill();
        killed_reader.kill();
        killed_writer.join();
        killed_reader.join();
        while (writer.is_running()) (void)receive(1ms);
        while (receive(0ms)) {
        }
        CHECK(received + kept.load() <= count);
        CHECK(received + kept.load() >= count - 1);
        CHECK(queue.size() == 0);
    }
}

} // namespace parley
