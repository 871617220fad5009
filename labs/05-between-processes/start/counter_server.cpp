// A server that forks a process per client, and counts. It is complete; the task is in visit_counter.cpp.
//
//   add N   adds one, N times, and replies by the last value
//   hold    replies "holding, process PID", then keeps the lock for 20 s
#include "sockets.hpp"
#include "visit_counter.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>

using parley::unique_fd;

namespace {

/// Replies to one line. Returns false if the client is gone.
bool reply_to(int client, std::string_view line, visit_counter& counter) {
    if (line == "hold") {
        const bool is_there = send_all(client, "holding, process " + std::to_string(getpid()) + "\n");
        counter.hold(std::chrono::seconds{20});
        return is_there;
    }
    int times = 0;
    const bool is_add = line.starts_with("add ");
    if (is_add) std::from_chars(line.data() + 4, line.data() + line.size(), times);
    if (times < 1) return send_all(client, "error: write add N, with N of at least 1\n");
    std::uint64_t value = 0;
    while (times-- > 0) value = counter.add_one();
    return send_all(client, std::to_string(value) + "\n");
}

void serve(int client, visit_counter& counter) {
    std::string input;
    for (;;) {
        for (std::size_t end; (end = input.find('\n')) != input.npos;) {
            const auto line = input.substr(0, end);
            input.erase(0, end + 1);
            if (line == "exit" || !reply_to(client, line, counter)) return;
        }
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || input.size() > 64 * 1024) return;
        input.append(buffer, static_cast<std::size_t>(count));
    }
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    in_port_t port = 0;
    const std::string_view text = argument_count == 3 ? arguments[1] : "";
    const std::string_view way = argument_count == 3 ? arguments[2] : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() ||
        (way != "plain" && way != "unlocked" && way != "locked")) {
        std::fprintf(stderr, "usage: counter_server PORT plain|unlocked|locked\n");
        return 2;
    }
    signal(SIGCHLD, SIG_IGN); // children that have ended leave no zombies: wait(2), NOTES
    visit_counter counter{way == "plain"      ? counter_way::plain
                          : way == "unlocked" ? counter_way::unlocked
                                              : counter_way::locked};
    auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    for (;;) {
        const unique_fd client{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!client || fork() != 0) continue;
        listener.reset();
        serve(client.get(), counter);
        _exit(0);
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "counter_server: %s\n", error.what());
    return 1;
}
