// Five child processes one after the other, then five at the same time.
//
//   Python       for i in range(5): p = multiprocessing.Process(target=task, args=(i,)); p.start(); p.join()
//   look at      the order, and at the times: at the same time, all take as long as the longest one
//   afterwards   pool; lab 3; server/models/fork_per_connection.cpp
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <string>
#include <unistd.h>
#include <vector>

using namespace parley;

namespace {

void run_task(int number) {
    print_line("Run task {} ({})...", number, getpid());
    const auto seconds = random_pause(0.05, 0.15);
    print_line("Task {} runs {:.2f} seconds.", number, seconds);
}

process task_process(int number) {
    return {"task " + std::to_string(number), [number] { run_task(number); }};
}

template <class Work>
double seconds_of(Work work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
}

void in_turn() {
    for (int number = 0; number < 5; ++number) {
        auto task = task_process(number);
        task.start();
        task.join(); // before the next one starts
    }
}

void at_the_same_time() {
    std::vector<process> tasks;
    for (int number = 0; number < 5; ++number) {
        tasks.push_back(task_process(number));
        tasks.back().start();
    }
    print_line("Waiting for all subprocesses done...");
    for (auto& task : tasks) task.join();
    print_line("All subprocesses done.");
}

} // namespace

int main() {
    print_line("Parent process {}.", getpid());
    print_line("One after the other: {:.2f} seconds.", seconds_of(in_turn));
    print_line("At the same time: {:.2f} seconds.", seconds_of(at_the_same_time));
}
