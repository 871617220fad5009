// An inetd of one's own: for each client it runs a command whose standard input and output are the connection.
// The handout says what to do in each step: scripts/lab handout 8.
#include "sockets.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

using parley::check;
using parley::unique_fd;

namespace {

/// Accepts clients and runs the command for each, at most `max_children` at a time, until SIGTERM or SIGINT.
void run_server(int listener, std::size_t max_children, char* const* command) {
    // Step 4: accept, fork, dup2, execvp. Step 5: what the command inherits. Step 6: wait for the children, and
    // limit their number. Step 7: stop.
    const unique_fd client{
        check("accept", [&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); })};
    std::fprintf(stderr, "step 4 is missing: %s does not run, at most %zu times\n", command[0], max_children);
}

template <class Number>
bool parse(std::string_view text, Number least, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= least;
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    in_port_t port = 0;
    std::size_t max_children = 0;
    if (argument_count < 4 || !parse<in_port_t>(arguments[1], 0, port) ||
        !parse<std::size_t>(arguments[2], 1, max_children)) {
        std::fprintf(stderr, "usage: inetd PORT MAX_CHILDREN COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    const auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    std::printf("at most %zu clients at a time run %s\n", max_children, arguments[3]); // buffered until the end
    run_server(listener.get(), max_children, arguments + 3);
} catch (const std::exception& error) {
    std::fprintf(stderr, "inetd: %s\n", error.what());
    return 1;
}
