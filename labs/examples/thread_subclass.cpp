// Threads that are objects with data of their own.
//
//   Python       a subclass of threading.Thread with run(); its attributes hold the arguments and the result
//   look at      each thread adds up numbers; main reads the results after join()
//   afterwards   lab 6; common/concurrency/worker_threads.hpp
//
// A C++ class should not derive from a thread: the thread would run before the members of the subclass exist.
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;

namespace {

class adder {
public:
    /// Starts a thread that adds the numbers from 1 to `last`.
    adder(const std::string& name, int last) : last_{last}, thread_{name, [this] { run(); }} {}
    adder(adder&&) = delete; // the thread uses this object, which must not move

    /// Waits until the thread has ended. Without that, reading the result would be a data race.
    int join() {
        thread_.join();
        return sum_;
    }

private:
    void run() {
        print_line("thread {} is running...", this_thread_name());
        for (int i = 1; i <= last_; ++i) sum_ += i;
        print_line("thread {} ended.", this_thread_name());
    }

    const int last_;
    int sum_ = 0;
    named_thread thread_; // last: it starts when all other members exist, and is joined before they go
};

} // namespace

int main() {
    adder small{"Adder-10", 10};
    adder large{"Adder-1000", 1000};
    print_line("Adder-10: the sum is {}", small.join());
    print_line("Adder-1000: the sum is {}", large.join());
}
