// A prefork server: a fixed number of processes that all accept at the same socket, and a parent that replaces
// those that die. The handout says what to do in each step: scripts/lab handout 4.
#include "welcome.hpp"

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using parley::check;
using parley::unique_fd;

namespace {

/// Serves clients, one after the other, for ever. Each worker welcomes by its number and its process id.
void run_worker(int listener, std::size_t number) {
    const auto welcome =
        "Welcome! worker " + std::to_string(number) + ", process " + std::to_string(getpid()) + "\n";
    // Step 1: accept in a loop. serve(client, welcome) does the rest.
    const unique_fd client{
        check("accept", [&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
    serve(client.get(), welcome);
}

/// Keeps `count` workers running until SIGTERM or SIGINT.
void run_pool(int listener, std::size_t count) {
    // Step 1: fork the workers, numbered from 1. Step 2: replace those that have ended. Step 3: not at once, if
    // they end early. Step 4: stop. Step 5: the parent may be killed.
    std::fprintf(stderr, "step 1 is missing: there are no %zu workers, and this process serves one client\n",
                 count);
    run_worker(listener, 1);
}

template <class Number>
bool parse(std::string_view text, Number least, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= least;
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    in_port_t port = 0;
    std::size_t workers = 0;
    if (argument_count != 3 || !parse<in_port_t>(arguments[1], 0, port) ||
        !parse<std::size_t>(arguments[2], 1, workers) || workers > 1000) {
        std::fprintf(stderr, "usage: prefork_server PORT WORKERS    (0 to 65535, 1 to 1000)\n");
        return 2;
    }
    const auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    run_pool(listener.get(), workers);
} catch (const std::exception& error) {
    std::fprintf(stderr, "prefork_server: %s\n", error.what());
    return 1;
}
