// A server with a thread for each client, at most MAX_THREADS at a time. The handout says what to do in each
// step: scripts/lab handout 6.
#include "welcome.hpp"

#include <charconv>
#include <cstdio>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

using parley::check;
using parley::unique_fd;

namespace {

/// Accepts until SIGTERM or SIGINT. Each client has a thread of its own, at most `max_threads` at a time.
void run_server(int listener, std::size_t max_threads) {
    // Step 4: a thread for each client. Step 5: a counter for all, with a lock. Step 6: join the threads, and
    // limit their number. Step 7: stop.
    std::fprintf(stderr, "step 4 is missing: one thread, not %zu, serves one client after the other\n",
                 max_threads);
    for (int visits = 1;; ++visits) {
        const unique_fd connection{
            check("accept", [&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
        serve(connection.get(), "Welcome! client " + std::to_string(visits) + "\n");
    }
}

template <class Number>
bool parse(std::string_view text, Number least, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= least;
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    in_port_t port = 0;
    std::size_t threads = 0;
    if (argument_count != 3 || !parse<in_port_t>(arguments[1], 0, port) ||
        !parse<std::size_t>(arguments[2], 1, threads)) {
        std::fprintf(stderr, "usage: thread_server PORT MAX_THREADS    (0 to 65535, from 1)\n");
        return 2;
    }
    const auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    run_server(listener.get(), threads);
} catch (const std::exception& error) {
    std::fprintf(stderr, "thread_server: %s\n", error.what());
    return 1;
}
