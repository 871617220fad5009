// An inetd of one's own: for each client it runs a command whose standard input and output are the connection.
// See execvp(3), environ(7), signal(7), setpgid(2).
#include "sockets.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
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

/// Runs in the child: becomes the command. If that fails, says so and exits; it must not return into the
/// server.
[[noreturn]] void become(char* const* command, int client, const sockaddr_in& peer, const sigset_t& old_mask) {
    setpgid(0, 0); // a group of its own, which the server can end with all that the command starts
    sigprocmask(SIG_SETMASK, &old_mask, nullptr);
    char ip[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &peer.sin_addr, ip, sizeof ip);
    setenv("TCPREMOTEIP", ip, 1); // the names of ucspi-tcp
    setenv("TCPREMOTEPORT", std::to_string(ntohs(peer.sin_port)).c_str(), 1);
    // dup2(2) clears FD_CLOEXEC of the copies; all other descriptors close in execvp(3).
    if (dup2(client, STDIN_FILENO) != -1 && dup2(client, STDOUT_FILENO) != -1) execvp(command[0], command);
    std::fprintf(stderr, "inetd: cannot run %s: %s\n", command[0], std::strerror(errno));
    _exit(127); // not exit(3): it would write the buffers of the parent once more
}

class server {
public:
    server(int listener, std::size_t max_children, char* const* command)
        : listener_{listener}, max_children_{max_children}, command_{command} {
        sigset_t signals;
        sigemptyset(&signals);
        for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, number);
        sigprocmask(SIG_BLOCK, &signals, &old_mask_);
        signals_ =
            unique_fd{check("signalfd", [&] { return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK); })};
    }

    void run() {
        while (!is_stopped_) {
            // With all places taken, clients wait in the backlog.
            const bool is_full = children_.size() >= max_children_;
            pollfd events[]{{signals_.get(), POLLIN, 0}, {is_full ? -1 : listener_, POLLIN, 0}};
            check("poll", [&] { return poll(events, 2, -1); });
            if (events[0].revents != 0) read_signals();
            if (events[1].revents != 0 && !is_stopped_) accept_client();
        }
        for (const pid_t child : children_) kill(-child, SIGTERM);
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
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const unique_fd client{::accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC)};
        if (!client) return; // the client has gone, or there is no descriptor: the others wait
        const pid_t child = fork();
        if (child == 0) become(command_, client.get(), peer, old_mask_);
        if (child == -1) {
            std::fprintf(stderr, "inetd: fork: %s\n", std::strerror(errno));
            return; // costs this client only
        }
        setpgid(child, child); // here, too: whichever process comes first
        children_.push_back(child);
        // The destructor closes the connection here. The command has its own copies.
    }

    int listener_;
    std::size_t max_children_;
    char* const* command_;
    sigset_t old_mask_{};
    unique_fd signals_;
    std::vector<pid_t> children_;
    bool is_stopped_ = false;
};

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
    server{listener.get(), max_children, arguments + 3}.run();
} catch (const std::exception& error) {
    std::fprintf(stderr, "inetd: %s\n", error.what());
    return 1;
}
