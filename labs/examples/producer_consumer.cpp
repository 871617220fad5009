// Producer and consumer as a coroutine, which take turns in one thread.
//
//   Python       a generator with `r = yield status`; the producer calls c.send(None), c.send(n), c.close()
//   look at      one item at a time, in strict order: no thread, no lock, no queue
//   afterwards   lab 9; common/coroutines/generator.hpp, then common/session/session.hpp
#include "common/coroutines/generator.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;

namespace {

/// Yields the status of the item before, and gets the next item from send().
generator<std::string, int> consume() {
    std::string status;
    for (;;) {
        const int item = co_yield status;
        print_line("[CONSUMER] Consuming {}...", item);
        status = "200 OK";
    }
}

void produce(generator<std::string, int>& consumer) {
    consumer.next(); // runs to the first co_yield
    for (int item = 1; item <= 5; ++item) {
        print_line("[PRODUCER] Producing {}...", item);
        const auto status = consumer.send(item);
        print_line("[PRODUCER] Consumer return: {}", status.value());
    }
    consumer.close();
}

} // namespace

int main() {
    auto consumer = consume(); // nothing runs yet
    produce(consumer);
}
