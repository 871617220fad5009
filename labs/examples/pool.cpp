// Five tasks in pools of 3, of 4 and of 5 processes, and of one process for each usable CPU, the default.
//
//   Python       multiprocessing.Pool(n), apply_async, close, join
//   look at      the start of the tasks: as many as the pool has processes run at once; the others wait
//   afterwards   apply_and_apply_async, pool_results; lab 4; server/models/prefork.cpp
//
// With an argument, as in scripts/lab example pool 7, there is one pool of this size.
#include "common/multiprocessing/process_pool.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <charconv>
#include <cstring>
#include <unistd.h>
#include <vector>

using namespace parley;

namespace {

constexpr int max_processes = 100; // a larger argument is a slip of the keyboard

void run_task(int number) {
    print_line("Run task {} ({})...", number, getpid());
    const auto seconds = random_pause(0.05, 0.2);
    print_line("Task {} runs {:.2f} seconds.", number, seconds);
}

void run_five_tasks(int processes) {
    print_line("Parent process {}, a pool of {}.", getpid(), processes);
    process_pool pool{{{"run_task", run_task}}, processes};
    for (int number = 0; number < 5; ++number) pool.apply_async(run_task, number);
    print_line("Waiting for all subprocesses done...");
    pool.close(); // no more tasks; join() demands it
    pool.join();
    print_line("All subprocesses done.");
}

} // namespace

int main(int argc, char** argv) {
    std::vector<int> sizes{3, 4, 5, usable_cpu_count()};
    if (argc > 1) {
        int size = 0;
        const char* end = argv[1] + std::strlen(argv[1]);
        const auto [rest, error] = std::from_chars(argv[1], end, size);
        if (argc > 2 || error != std::errc{} || rest != end || size < 1 || size > max_processes) {
            fmt::print(stderr, "example_pool: the argument is not a size from 1 to {}; try 3\n", max_processes);
            return 2;
        }
        sizes = {size};
    }
    for (const int size : sizes) run_five_tasks(size);
}
