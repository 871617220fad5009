// Five tasks in a pool of three processes, first with apply, then with apply_async.
//
//   Python       multiprocessing.Pool.apply, multiprocessing.Pool.apply_async
//   look at      the order and the times: apply waits for each result, so only one process works at a time
//   afterwards   pool_results; lab 4; common/multiprocessing/process_pool.hpp
#include "common/multiprocessing/process_pool.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <unistd.h>

using namespace parley;

namespace {

void run_task(int number) {
    print_line("Run task {} ({})...", number, getpid());
    const auto seconds = random_pause(0.05, 0.15);
    print_line("Task {} runs {:.2f} seconds.", number, seconds);
}

void with_apply(process_pool& pool) {
    for (int number = 0; number < 5; ++number) pool.apply(run_task, number);
    print_line("Waiting for all subprocesses done...");
    pool.close();
    pool.join(); // there is nothing left to wait for
}

void with_apply_async(process_pool& pool) {
    for (int number = 0; number < 5; ++number) pool.apply_async(run_task, number);
    print_line("Waiting for all subprocesses done...");
    pool.close();
    pool.join();
}

void run(const char* title, void (*tasks)(process_pool&)) {
    print_line("{}:", title);
    process_pool pool{{{"run_task", run_task}}, 3};
    const auto begin = std::chrono::steady_clock::now();
    tasks(pool);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    print_line("All subprocesses done, after {:.2f} seconds.", time.count());
}

} // namespace

int main() {
    print_line("Parent process {}.", getpid());
    run("apply", with_apply);
    run("apply_async", with_apply_async);
}
