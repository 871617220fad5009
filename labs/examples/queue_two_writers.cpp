// A queue with two processes that write and one that reads, until the queue is closed.
//
//   Python       multiprocessing.Queue with two writers, which puts None at the end instead of close()
//   look at      the order: each writer's items stay in order; those of the two are mixed in any way
//   afterwards   queue_full_empty; lab 5; server/models/thread_pool.cpp, the same between threads
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <initializer_list>
#include <string>
#include <unistd.h>

using namespace parley;

namespace {

void write_items(shared_queue<std::string>& queue, std::initializer_list<const char*> items) {
    print_line("Process to write: {}", getpid());
    for (const auto* item : items) {
        print_line("Put {} to queue...", item);
        queue.put(item);
        random_pause(0.05, 0.15);
    }
}

void read_items(shared_queue<std::string>& queue) {
    print_line("Process to read: {}", getpid());
    while (const auto item = queue.get().value) print_line("Get {} from queue.", *item);
    print_line("The queue is closed and empty.");
}

} // namespace

int main() {
    shared_queue<std::string> queue{10};
    process first{"first writer", [&] { write_items(queue, {"A", "B", "C"}); }};
    process second{"second writer", [&] { write_items(queue, {"D", "E", "F"}); }};
    process reader{"reader", [&] { read_items(queue); }};
    first.start();
    second.start();
    reader.start();
    first.join();
    second.join();
    queue.close(); // the reader still gets what is in the queue
    reader.join();
    print_line("The reader has ended: {}.", reader.end()->to_string());
}
