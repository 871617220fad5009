// Threads with names, which run a function.
//
//   Python       threading.Thread(target=..., name=...), start, join, threading.current_thread().name
//   look at      the lines of both threads; main waits in join() until the other thread has ended
//   afterwards   lab 6; server/models/thread_per_connection.cpp
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <chrono>

using namespace parley;
using namespace std::chrono_literals;

namespace {

void loop() {
    print_line("thread {} is running...", this_thread_name());
    for (int i = 1; i <= 5; ++i) {
        print_line("thread {} >>> {}", this_thread_name(), i);
        std::this_thread::sleep_for(50ms);
    }
    print_line("thread {} ended.", this_thread_name());
}

} // namespace

int main() {
    print_line("thread {} is running...", this_thread_name());
    named_thread thread{"LoopThread", loop}; // runs from here on; there is no start()
    thread.join();
    print_line("thread {} ended.", this_thread_name());
}
