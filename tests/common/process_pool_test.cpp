// Tests of process_pool: results, failed tasks, workers that die, and the order of tasks.
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process_pool.hpp"
#include "common/multiprocessing/shared_value.hpp"
#include "tests/support/proc.hpp"

#include <algorithm>
#include <csignal>
#include <doctest/doctest.h>
#include <numeric>
#include <random>
#include <unistd.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

// What the tasks share with the test: made before the pool, so that the workers have it.
shared_array<int>* started = nullptr; // the first element counts the tasks, whose numbers follow
one_way_pipe<int>* gate = nullptr;    // a task waits for a number

int square(int n) { return n * n; }
std::string repeat(const std::string& text, int count) {
    std::string result;
    for (int i = 0; i != count; ++i) result += text;
    return result;
}
int divide(int a, int b) {
    if (b == 0) throw std::invalid_argument("division by zero");
    return a / b;
}
void record(int number) {
    (*started)[0] += 1;
    (*started)[static_cast<std::size_t>((*started)[0])] = number;
}
int wait_at_gate() { return gate->reader.receive().value(); }
int exit_with(int status) { _exit(status); }
int raise_signal(int number) { return raise(number); }
/// Ends, and leaves a child that has the socket of the worker, too, until the gate is closed.
int fork_and_exit() {
    if (fork() != 0) _exit(3);
    gate->writer.close();
    (void)gate->reader.receive();
    _exit(0);
}

const task_table tasks{{"square", square},
                       {"repeat", repeat},
                       {"divide", divide},
                       {"record", record},
                       {"wait_at_gate", wait_at_gate},
                       {"exit_with", exit_with},
                       {"raise_signal", raise_signal},
                       {"fork_and_exit", fork_and_exit}};

} // namespace

TEST_CASE("apply waits for the result, and apply_async gives it later") {
    process_pool pool{tasks, 3};
    CHECK(pool.apply(square, 7) == 49);
    CHECK(pool.apply(repeat, "ab", 3) == "ababab");
    auto first = pool.apply_async(square, 8);
    auto second = pool.apply_async(square, 9);
    CHECK(second.get() == 81);
    CHECK(first.get() == 64);
    CHECK(first.get() == 64);
    CHECK(pool.apply(repeat, std::string(1'000'000, 'x'), 5).size() == 5'000'000);
    CHECK(pool.workers().size() == 3);
    CHECK(process_pool{tasks}.workers().size() == static_cast<std::size_t>(usable_cpu_count()));
}

TEST_CASE("10,000 tasks through a pool of two are all done, and map keeps their order") {
    process_pool pool{tasks, 2};
    std::vector<int> numbers(10'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto results = pool.map(square, numbers);
    REQUIRE(results.size() == numbers.size());
    CHECK(std::ranges::all_of(numbers, [&](int n) { return results[static_cast<std::size_t>(n)] == n * n; }));
}

TEST_CASE("a pool of one does the tasks in the order of submission, also those whose result is dropped") {
    shared_array<int> order{101};
    started = &order;
    process_pool pool{tasks, 1};
    for (int i = 1; i <= 100; ++i) pool.apply_async(record, i);
    pool.close();
    pool.join();
    CHECK(order[0] == 100);
    for (int i = 1; i <= 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("get with a time limit returns nullopt until the task is done") {
    one_way_pipe<int> pipe;
    gate = &pipe;
    process_pool pool{tasks, 1};
    auto result = pool.apply_async(wait_at_gate);
    CHECK(result.get(0ms) == std::nullopt);
    CHECK(result.get(1ms) == std::nullopt);
    CHECK(pipe.writer.send(5));
    CHECK(result.get(time_limit) == 5);
    CHECK(result.get(0ms) == 5);
}

TEST_CASE("an exception of a task reaches the caller with its text and the name of the task") {
    process_pool pool{tasks, 1};
    auto result = pool.apply_async(divide, 1, 0);
    CHECK_THROWS_WITH_AS(result.get(), "task divide: division by zero", task_error);
    CHECK_THROWS_AS(pool.apply(divide, 1, 0), task_error);
    CHECK(pool.apply(divide, 6, 3) == 2); // by the same worker
}

TEST_CASE("callbacks get the result or the error, and may use the pool") {
    process_pool pool{tasks, 2};
    std::vector<std::string> calls;
    const auto add_error = [&](const task_error& error) { calls.push_back(error.reason()); };
    auto first = pool.apply_async(divide, 8, 2);
    first.then([&](int n) { calls.push_back(std::to_string(pool.apply(square, n))); });
    CHECK(first.get() == 4);
    auto last = pool.apply_async(divide, 8, 0);
    CHECK_THROWS_AS(last.get(), task_error);
    last.then([](int) {}, add_error); // it is done: the callback is called at once
    pool.apply_async(divide, 9, 0).then([](int) {}, add_error);
    pool.close();
    pool.join();
    CHECK(calls == std::vector<std::string>{"16", "division by zero", "division by zero"});
}

TEST_CASE("a worker that dies in a task fails that task by name, and is replaced; the others are done") {
    one_way_pipe<int> pipe;
    gate = &pipe;
    process_pool pool{tasks, 2};
    std::vector<task_result<int>> results;
    for (int i = 0; i != 10; ++i) results.push_back(pool.apply_async(square, i));
    auto exited = pool.apply_async(exit_with, 3);
    auto killed = pool.apply_async(raise_signal, SIGKILL);
    auto forked = pool.apply_async(fork_and_exit);
    for (int i = 0; i != 10; ++i) results.push_back(pool.apply_async(square, i));
    for (std::size_t i = 0; i != results.size(); ++i)
        CHECK(results[i].get() == square(static_cast<int>(i % 10)));
    CHECK_THROWS_WITH_AS(exited.get(), doctest::Contains("ended: exit code 3"), task_error);
    CHECK_THROWS_WITH_AS(forked.get(), doctest::Contains("task fork_and_exit: its worker (pid "), task_error);
    CHECK_THROWS_WITH_AS(killed.get(), doctest::Contains("ended: killed by SIGKILL"), task_error);
    CHECK(pool.workers().size() == 2);
}

TEST_CASE("workers that are killed at random moments lose at most the task that they have") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::minstd_rand random{seed};
    process_pool pool{tasks, 3};
    std::vector<task_result<std::string>> results;
    int kills = 0, failed = 0;
    for (int i = 0; i != 1000; ++i) {
        results.push_back(pool.apply_async(repeat, "text", i));
        if (random() % 20 != 0) continue;
        const auto workers = pool.workers();
        ::kill(workers[random() % workers.size()], SIGKILL);
        ++kills;
    }
    for (std::size_t i = 0; i != results.size(); ++i) {
        try {
            const auto text = results[i].get();
            CHECK(text == repeat("text", static_cast<int>(i)));
        } catch (const task_error& error) {
            CHECK(error.task() == "repeat");
            CHECK(error.reason().find("killed by SIGKILL") != std::string::npos);
            ++failed;
        }
    }
    CHECK(failed <= kills);
    CHECK(pool.apply(square, 3) == 9);
}

TEST_CASE("terminate ends workers that work, and fails their tasks") {
    one_way_pipe<int> pipe;
    gate = &pipe;
    process_pool pool{tasks, 1};
    const auto worker = pool.workers().front();
    auto working = pool.apply_async(wait_at_gate);
    auto waiting = pool.apply_async(square, 1);
    pool.terminate();
    CHECK(::kill(worker, 0) == -1); // ended and reaped
    CHECK_THROWS_WITH_AS(working.get(), "task wait_at_gate: the pool was terminated", task_error);
    CHECK_THROWS_WITH_AS((void)waiting.get(0ms), "task square: the pool was terminated", task_error);
    pool.join();
}

TEST_CASE("misuse of a pool is told") {
    process_pool pool{tasks, 1};
    int (*unknown)(int) = [](int n) { return n; };
    CHECK_THROWS_WITH_AS(pool.apply(unknown, 1), doctest::Contains("not in the pool's table"),
                         std::invalid_argument);
    CHECK_THROWS_AS(pool.join(), std::logic_error);
    process child{"child", [&] {
                      try {
                          pool.apply(square, 1);
                      } catch (const std::logic_error&) {
                          return 4;
                      }
                      return 0;
                  }};
    child.start();
    child.join();
    CHECK(child.end()->exit_code() == 4);
    pool.close();
    CHECK_THROWS_AS(pool.apply(square, 1), std::logic_error);
    pool.join();
    CHECK_THROWS_AS((process_pool{tasks, 0}), std::invalid_argument);
    CHECK_THROWS_AS((task_table{{"a", square}, {"a", divide}}), std::invalid_argument);
}

} // namespace parley
