// A server that forks a process for each client. See fork(2), waitpid(2), signalfd(2), _exit(2).
#include "welcome.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using parley::check;
using parley::unique_fd;

namespace {

class fork_server {
public:
    explicit fork_server(unique_fd listener) : listener_{std::move(listener)} {
        // Blocked signals wait in the signalfd, which poll(2) understands: no handler, no interrupted call, no
        // race.
        sigset_t signals;
        sigemptyset(&signals);
        for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, number);
        sigprocmask(SIG_BLOCK, &signals, &old_mask_);
        signals_ =
            unique_fd{check("signalfd", [&] { return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK); })};
    }

    void run() {
        while (!is_stopped_) {
            pollfd events[]{{signals_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
            check("poll", [&] { return poll(events, 2, -1); });
            if (events[0].revents != 0) read_signals();
            if (events[1].revents != 0 && !is_stopped_) accept_client();
        }
        for (const pid_t child : children_) kill(child, SIGTERM);
        while (wait(nullptr) > 0 || errno == EINTR) {
        }
    }

private:
    void read_signals() {
        signalfd_siginfo info;
        while (read(signals_.get(), &info, sizeof info) == sizeof info)
            if (info.ssi_signo != SIGCHLD) is_stopped_ = true;
        // One SIGCHLD may stand for several children.
        for (pid_t ended; (ended = waitpid(-1, nullptr, WNOHANG)) > 0;) std::erase(children_, ended);
    }

    void accept_client() {
        // It closes the parent's copy of the connection. Otherwise the client would never see the end.
        const unique_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!client) return; // the client has gone, or there is no descriptor: the others wait
        ++clients_;          // before fork(2): a child changes only its own copy
        std::printf("client %d\n", clients_);
        std::fflush(stdout); // or the child would have a copy of the line in its buffer
        const pid_t child = fork();
        if (child == 0) serve_client(client.get());
        if (child == -1) // no process left: this costs this client only
            std::fprintf(stderr, "fork_server: client %d is lost: fork: %s\n", clients_, std::strerror(errno));
        else
            children_.push_back(child);
    }

    [[noreturn]] void serve_client(int client) {
        // The child must not keep the port when the server has ended.
        listener_.reset();
        sigprocmask(SIG_SETMASK, &old_mask_, nullptr); // or SIGTERM would not end it
        serve(client,
              "Welcome! client " + std::to_string(clients_) + ", process " + std::to_string(getpid()) + "\n");
        _exit(0); // not exit(3), which would run the destructors and write the buffers of the parent
    }

    unique_fd listener_;
    unique_fd signals_;
    sigset_t old_mask_{};
    std::vector<pid_t> children_;
    int clients_ = 0;
    bool is_stopped_ = false;
};

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view text = argument_count == 2 ? arguments[1] : "";
    in_port_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) {
        std::fprintf(stderr, "usage: fork_server PORT    (0 to 65535; with 0 the kernel chooses one)\n");
        return 2;
    }
    auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    fork_server{std::move(listener)}.run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "fork_server: %s\n", error.what());
    return 1;
}
