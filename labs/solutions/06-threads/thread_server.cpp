// A server with a thread for each client, at most MAX_THREADS at a time. All threads are joined. See
// pthreads(7), signalfd(2), shutdown(2).
#include "welcome.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <list>
#include <mutex>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/signalfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>

using parley::check;
using parley::unique_fd;

namespace {

/// The clients so far, for all threads.
class visit_counter {
public:
    int add_one() {
        const std::lock_guard guard{mutex_}; // given back on every path, and before anything slow begins
        return ++count_;
    }

    int count() {
        const std::lock_guard guard{mutex_};
        return count_;
    }

private:
    std::mutex mutex_;
    int count_ = 0; // guarded by mutex_
};

/// A client and its thread. It does not move, since the thread refers to it.
class served_client {
public:
    served_client(unique_fd connection, visit_counter& visits)
        : connection_{std::move(connection)}, thread_{[this, &visits] { run(visits); }} {}

    [[nodiscard]] bool is_done() const { return is_done_; }

    /// Ends the thread's blocking calls: they see the end of the connection.
    void stop() { shutdown(connection_.get(), SHUT_RDWR); }

private:
    void run(visit_counter& visits) {
        serve(connection_.get(), "Welcome! client " + std::to_string(visits.add_one()) + "\n");
        shutdown(connection_.get(), SHUT_RDWR); // the client sees the end now, not when the thread is joined
        is_done_ = true;
    }

    unique_fd connection_;
    std::atomic<bool> is_done_ = false;
    std::jthread thread_; // the last member: it begins when the others are there, and is joined before they go
};

/// Accepts until SIGTERM or SIGINT. Threads that have ended are joined at the next chance.
void run_server(int listener, std::size_t max_threads) {
    // Blocked before the first thread starts, since threads inherit the mask: only the signalfd gets them.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    const unique_fd stop{check("signalfd", [&] { return signalfd(-1, &signals, SFD_CLOEXEC); })};
    visit_counter visits;
    std::list<served_client> clients;
    for (;;) {
        clients.remove_if([](const auto& client) { return client.is_done(); }); // joins
        const bool is_full = clients.size() >= max_threads;
        pollfd events[]{{stop.get(), POLLIN, 0}, {is_full ? -1 : listener, POLLIN, 0}};
        check("poll", [&] { return poll(events, 2, clients.empty() ? -1 : 20); }); // 20 ms: to join
        if (events[0].revents != 0) break;
        if (events[1].revents == 0) continue;
        unique_fd connection{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
        if (!connection) continue; // the client has gone
        try {
            clients.emplace_back(std::move(connection), visits);
        } catch (const std::system_error& error) { // no thread left: this costs this client only
            std::fprintf(stderr, "thread_server: a client is lost: %s\n", error.what());
        }
    }
    for (auto& client : clients) client.stop();
    clients.clear(); // joins all
    std::printf("served %d clients\n", visits.count());
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
