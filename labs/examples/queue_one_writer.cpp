// A queue with one process that writes and one that reads, until the reader is terminated.
//
//   Python       multiprocessing.Queue, its put and get; Process.terminate
//   look at      the end: nothing tells the reader that no item will come. So it is terminated
//   afterwards   queue_two_writers, queue_full_empty; lab 5; common/multiprocessing/shared_queue.hpp
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/random_pause.hpp"

#include <string>
#include <unistd.h>

using namespace parley;

namespace {

void write_items(shared_queue<std::string>& queue) {
    print_line("Process to write: {}", getpid());
    for (const auto* item : {"A", "B", "C"}) {
        print_line("Put {} to queue...", item);
        queue.put(item);
        random_pause(0.05, 0.15);
    }
}

void read_items(shared_queue<std::string>& queue) {
    print_line("Process to read: {}", getpid());
    for (;;) {
        const auto item = queue.get().value.value();
        print_line("Get {} from queue.", item);
    }
}

} // namespace

int main() {
    shared_queue<std::string> queue{10}; // made before fork(2), so both children have it
    process writer{"writer", [&] { write_items(queue); }};
    process reader{"reader", [&] { read_items(queue); }};
    writer.start();
    reader.start();
    writer.join();
    // The writer has paused since it put the last item, so the reader has had time to get it. But terminate()
    // does not wait for that: a slow reader would lose items. Closing the queue is the better end.
    reader.terminate();
    reader.join();
    print_line("The reader has ended: {}.", reader.end()->to_string());
}
