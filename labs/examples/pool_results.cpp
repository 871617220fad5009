// Results of tasks in a pool, with get, with map and with a callback; and the exception of a task.
//
//   Python       multiprocessing.Pool.apply_async(...).get(timeout), map, callback=..., error_callback=...
//   look at      the order: results come in the order in which they are asked for, however the tasks were run
//   afterwards   lab 4; common/multiprocessing/task_table.hpp, which says why a function is sent as a name
#include "common/multiprocessing/process_pool.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using namespace parley;
using namespace std::chrono_literals;

namespace {

int square(int number) {
    random_pause(0.01, 0.05);
    return number * number;
}

double root(double number) {
    if (number < 0) throw std::domain_error(fmt::format("{} has no real root", number));
    return std::sqrt(number);
}

std::string slow_answer() {
    random_pause(0.3, 0.3);
    return "forty-two";
}

} // namespace

int main() {
    process_pool pool{{{"square", square}, {"root", root}, {"slow_answer", slow_answer}}, 3};

    std::vector<task_result<int>> results;
    for (int number = 1; number <= 5; ++number) results.push_back(pool.apply_async(square, number));
    for (auto& result : results) print_line("get: {}", result.get());

    for (const int value : pool.map(square, {1, 2, 3, 4, 5})) print_line("map: {}", value);

    auto answer = pool.apply_async(slow_answer);
    print_line("done within 50 ms: {}", answer.get(50ms).has_value());
    print_line("get without a limit: {}", answer.get());

    auto four = pool.apply_async(root, 16.0);
    four.then([](double value) { print_line("callback: {}", value); });
    four.get();

    try {
        pool.apply(root, -1.0);
    } catch (const task_error& error) {
        print_line("exception: {}", error.what());
    }

    pool.close();
    pool.join();
    print_line("All subprocesses done.");
}
