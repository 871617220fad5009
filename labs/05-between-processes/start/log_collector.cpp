// Some processes write log lines into a bounded queue, and the first process prints them. The handout says what
// to do in steps 4 and 5: scripts/lab handout 5.
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"

#include <charconv>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

using namespace parley;

namespace {

/// Runs `writers` processes that write `lines` lines each, and prints all lines. At most `capacity` wait in the
/// queue.
void collect(int writers, int lines, int capacity) {
    // Step 4: the queue and the writers. Step 5: the end, also if a writer is killed.
    std::fprintf(stderr, "step 4 is missing: %d writers of %d lines, and a queue of %d\n", writers, lines,
                 capacity);
    for (int number = 1; number <= lines; ++number) std::printf("writer 1, line %d\n", number);
}

int parse(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const int writers = argument_count == 4 ? parse(arguments[1]) : 0;
    const int lines = argument_count == 4 ? parse(arguments[2]) : 0;
    const int capacity = argument_count == 4 ? parse(arguments[3]) : 0;
    if (writers < 1 || writers > 50 || lines < 1 || capacity < 1 || capacity > 100'000) {
        std::fprintf(stderr, "usage: log_collector WRITERS LINES CAPACITY    (1 to 50, from 1, 1 to 100000)\n");
        return 2;
    }
    collect(writers, lines, capacity);
} catch (const std::exception& error) {
    std::fprintf(stderr, "log_collector: %s\n", error.what());
    return 1;
}
