// A queue that is full, and one that is empty, with and without waiting.
//
//   Python       queue.put(item, timeout=...), put_nowait, get(timeout=...), get_nowait; Full, Empty
//   look at      the reports: full and empty are results, not exceptions, since a program expects them
//   afterwards   lab 5; common/concurrency/bounded_queue.hpp, which bounds the memory of the server's pools
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;
using namespace std::chrono_literals;

namespace {

const char* name_of(queue_status status) {
    switch (status) {
    case queue_status::ok: return "ok";
    case queue_status::full: return "full";
    case queue_status::empty: return "empty";
    case queue_status::closed: return "closed";
    }
    return "unknown";
}

} // namespace

int main() {
    shared_queue<std::string> queue{2};

    for (const auto* item : {"A", "B", "C"})
        print_line("Put {} without waiting: {}", item, name_of(queue.try_put(item)));
    print_line("Put C within 50 ms: {}", name_of(queue.put("C", 50ms)));

    process reader{"reader", [&] { print_line("Get {} from queue.", queue.get().value.value()); }};
    reader.start();
    print_line("Put C, however long it takes: {}", name_of(queue.put("C"))); // the reader makes room
    reader.join();
    print_line("The queue has {} items.", queue.size());

    for (int i = 0; i < 2; ++i) print_line("Get {} from queue.", queue.get().value.value());
    print_line("Get without waiting: {}", name_of(queue.try_get().status));
    print_line("Get within 50 ms: {}", name_of(queue.get(50ms).status));

    queue.close();
    print_line("Put D after close: {}", name_of(queue.put("D")));
    print_line("Get after close: {}", name_of(queue.get().status));
}
