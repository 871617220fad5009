// A number in shared memory, which a child process changes and its parent sees.
//
//   Python       multiprocessing.Value('d', 0.0), value.value, value.get_lock()
//   look at      the two numbers: only the shared one is changed by the child
//   afterwards   shared_array, shared_lock; lab 5; common/concurrency/shared_memory.hpp;
//                server/visit_counter.cpp
#include "common/multiprocessing/shared_value.hpp"
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"

using namespace parley;

int main() {
    shared_value<double> shared{0.0}; // made before fork(2)
    double own = 0.0;

    process child{"child", [&] {
                      shared.store(3.1415927);
                      own = 3.1415927;
                      print_line("Child: shared is {}, own is {}.", shared.load(), own);
                  }};
    child.start();
    child.join();
    print_line("Parent: shared is {}, own is {}.", shared.load(), own);

    process doubler{"doubler", [&] { shared.with([](double& value) { value *= 2; }); }};
    doubler.start();
    doubler.join();
    print_line("Parent: after it was doubled under its lock, shared is {}.", shared.load());
}
