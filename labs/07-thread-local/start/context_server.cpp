// A server with a fixed number of threads, each of which accepts and serves one client at a time. It is
// complete; the task is in context.cpp.
//
// A line is a name, and the reply is the greeting. Some lines are commands:
//   title TITLE   greet this client with a title from now on; no reply
//   slow NAME     begin the request, wait 200 ms, then greet: meanwhile other threads greet others
//   contexts      the number of contexts in the map
// A thread ends after 5 clients, and another one takes its place, as some servers do to survive leaks.
#include "context.hpp"
#include "sockets.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <list>
#include <string_view>
#include <thread>

using parley::unique_fd;

namespace {

constexpr int clients_per_thread = 5;

/// Replies to one line. Returns false if the client is gone.
bool reply_to(int client, const std::string& line) {
    if (line.starts_with("title ")) {
        set_title(line.substr(6));
        return true;
    }
    if (line == "contexts") return send_all(client, std::to_string(context_count()) + "\n");
    const bool is_slow = line.starts_with("slow ");
    begin_request(is_slow ? line.substr(5) : line);
    if (is_slow) std::this_thread::sleep_for(std::chrono::milliseconds{200});
    return send_all(client, greeting() + "\n");
}

void serve(int client) {
    std::string input;
    for (;;) {
        for (std::size_t end; (end = input.find('\n')) != input.npos;) {
            const auto line = input.substr(0, end);
            input.erase(0, end + 1);
            if (line == "exit" || !reply_to(client, line)) return;
        }
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || input.size() > 64 * 1024) return;
        input.append(buffer, static_cast<std::size_t>(count));
    }
}

/// Serves some clients, then returns.
void run_worker(int listener, int worker) try {
    for (int served = 0; served != clients_per_thread;) {
        const unique_fd client{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
        if (!client) continue;
        begin_client(worker);
        serve(client.get());
        end_client();
        ++served;
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "context_server: worker %d: %s\n", worker, error.what());
}

/// Starts a thread again and again: when one has ended, the next one begins.
void keep_worker(int listener, int worker) {
    for (;;) std::thread{run_worker, listener, worker}.join();
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const auto number = [](std::string_view text, int least, int most) {
        int value = -1;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most
                   ? value
                   : -1;
    };
    const std::string_view way = argument_count == 4 ? arguments[3] : "";
    const int port = argument_count == 4 ? number(arguments[1], 0, 65535) : -1;
    const int threads = argument_count == 4 ? number(arguments[2], 1, 100) : -1;
    if (port < 0 || threads < 0 || (way != "map" && way != "local")) {
        std::fprintf(stderr, "usage: context_server PORT THREADS map|local    (0 to 65535, 1 to 100)\n");
        return 2;
    }
    use_way(way == "map" ? context_way::map : context_way::local);
    const auto listener = listen_at(static_cast<in_port_t>(port));
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    std::list<std::jthread> keepers;
    for (int worker = 1; worker <= threads; ++worker) keepers.emplace_back(keep_worker, listener.get(), worker);
} catch (const std::exception& error) {
    std::fprintf(stderr, "context_server: %s\n", error.what());
    return 1;
}
