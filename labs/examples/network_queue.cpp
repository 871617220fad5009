// Master and workers over a network queue with a key, which comes with the distributed workers of parley.
//
//   Python       multiprocessing.managers.BaseManager with an address and an authkey; get_task_queue()
//   look at      this version of parley has no network queue, so the program only says so
//   afterwards   queue_two_writers, a queue between processes of one machine; lab 11
#include "labs/examples/print_line.hpp"

using namespace parley;

int main() {
    print_line("This example needs a queue over the network, which this version of parley does not have.");
    print_line("A master would put 10 tasks n * n into it, and workers with the same key would get them.");
    print_line("Between processes of one machine, run the example queue_two_writers.");
}
