// Some processes write log lines into a bounded queue, and the first process prints them. Only the reader knows
// when all writers have ended, so it closes the queue.
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_queue.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

using namespace parley;

namespace {

void write_lines(shared_queue<std::string>& queue, int writer, int lines) {
    for (int number = 1; number <= lines; ++number)
        queue.put("writer " + std::to_string(writer) + ", line " +
                  std::to_string(number)); // waits if it is full
}

/// Runs `writers` processes that write `lines` lines each, and prints all lines. At most `capacity` wait in the
/// queue.
void collect(int writers, int lines, int capacity) {
    shared_queue<std::string> queue{static_cast<std::size_t>(capacity)}; // before fork(2), so that all have it
    std::deque<process> processes;
    for (int writer = 1; writer <= writers; ++writer)
        processes
            .emplace_back("writer " + std::to_string(writer),
                          [&queue, writer, lines] { write_lines(queue, writer, lines); })
            .start();
    for (;;) {
        const auto line = queue.get(std::chrono::milliseconds{50});
        if (line.status == queue_status::ok) {
            std::printf("%s\n", line.value->c_str());
        } else if (line.status == queue_status::closed) {
            break;
        } else if (std::ranges::none_of(processes, &process::is_running)) {
            // No writer is left: whether it is done or was killed, no line can come. Those in the queue still
            // do.
            queue.close();
        }
    }
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
