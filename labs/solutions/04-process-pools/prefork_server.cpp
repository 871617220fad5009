// A prefork server: a fixed number of processes that all accept at the same socket, and a parent that replaces
// those that die. The parent accepts nothing. See fork(2), accept(2), waitpid(2), sigwaitinfo(2), prctl(2).
#include "welcome.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using parley::check;
using parley::unique_fd;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr auto early = 1s; // a worker that dies sooner has probably failed at its start, and would fail again
constexpr auto first_delay = 100ms;
constexpr auto longest_delay = 2000ms;

struct worker {
    pid_t process = 0; // 0: it must be started
    steady_clock::time_point started{};
    steady_clock::time_point start_at{};
    std::chrono::milliseconds delay = first_delay;
};

/// Serves clients, one after the other, for ever.
[[noreturn]] void run_worker(int listener, std::size_t number) {
    const auto welcome =
        "Welcome! worker " + std::to_string(number) + ", process " + std::to_string(getpid()) + "\n";
    for (;;) {
        const unique_fd client{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
        if (client)
            serve(client.get(), welcome);
        else if (errno != EINTR && errno != ECONNABORTED)
            _exit(1); // the parent starts another one, and not at once
    }
}

/// Starts a worker. Returns its pid, or 0 if there is no process left: then it is tried again later.
pid_t start_worker(int listener, std::size_t number, const sigset_t& old_mask) {
    const pid_t parent = getpid();
    const pid_t process = fork();
    if (process == -1) return 0;
    if (process > 0) return process;
    // The worker ends with its parent, also if that is killed. The parent may have died before prctl(2).
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    sigprocmask(SIG_SETMASK, &old_mask, nullptr); // or SIGTERM would not end it
    run_worker(listener, number);
}

void start_workers(std::vector<worker>& workers, int listener, const sigset_t& old_mask) {
    const auto now = steady_clock::now();
    for (std::size_t i = 0; i != workers.size(); ++i) {
        auto& worker = workers[i];
        if (worker.process != 0 || now < worker.start_at) continue;
        worker.process = start_worker(listener, i + 1, old_mask);
        worker.started = now;
        if (worker.process == 0) worker.start_at = now + first_delay;
    }
}

/// Reaps all workers that have ended: one SIGCHLD may stand for several of them.
void reap_workers(std::vector<worker>& workers) {
    for (pid_t ended; (ended = waitpid(-1, nullptr, WNOHANG)) > 0;) {
        const auto found = std::ranges::find(workers, ended, &worker::process);
        if (found == workers.end()) continue;
        const auto now = steady_clock::now();
        const bool is_early = now - found->started < early;
        found->process = 0;
        found->start_at = is_early ? now + found->delay : now;
        found->delay =
            is_early ? std::min<std::chrono::milliseconds>(2 * found->delay, longest_delay) : first_delay;
    }
}

void stop_workers(std::vector<worker>& workers) {
    for (const auto& worker : workers)
        if (worker.process != 0) kill(worker.process, SIGTERM);
    while (wait(nullptr) > 0 || errno == EINTR) {
    }
}

/// Keeps the workers running until SIGTERM or SIGINT.
void run_pool(int listener, std::size_t count) {
    // Blocked signals wait for sigtimedwait(2), so none is lost between two calls, and none interrupts a call.
    sigset_t signals, old_mask;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, &old_mask);
    std::vector<worker> workers(count);
    for (;;) {
        start_workers(workers, listener, old_mask);
        const timespec at_most{.tv_sec = 0, .tv_nsec = 50'000'000}; // a delay may be over then
        const int number = sigtimedwait(&signals, nullptr, &at_most);
        if (number == SIGTERM || number == SIGINT) break;
        reap_workers(workers);
    }
    stop_workers(workers);
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
    std::fflush(stdout); // before fork(2): a child would have a copy of the buffer
    run_pool(listener.get(), workers);
} catch (const std::exception& error) {
    std::fprintf(stderr, "prefork_server: %s\n", error.what());
    return 1;
}
