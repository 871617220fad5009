// A server with a thread for each client: it sends each line back in capitals. Whatever a client does costs
// that client only; if descriptors or threads run out, the others stay; a stop loses no reply. See accept(2),
// "Error handling", and signal(7), "Interruption of system calls".
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>

using parley::check;
using parley::unique_fd;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t max_line = 64 * 1024; // or a client that sends no newline would fill the memory
constexpr milliseconds accept_pause{50};    // if descriptors have run out: at most 20 failing calls a second
constexpr milliseconds grace{2000};         // for replies in flight at a stop

std::atomic<bool> is_stopping = false;
std::atomic<int> listening_socket = -1; // for the signal handler

/// Wakes accept(2). Unlike a signal alone, a closed queue is noticed even if accept(2) is called only
/// afterwards.
void request_stop(int /*signal*/) {
    const int error = errno;
    is_stopping = true;
    ::shutdown(listening_socket, SHUT_RDWR);
    errno = error;
}

void handle_stop_signals(int listener) {
    listening_socket = listener;
    struct sigaction action {};
    action.sa_handler = request_stop;
    for (const int signal : {SIGTERM, SIGINT})
        check("sigaction", [&] { return sigaction(signal, &action, nullptr); });
}

/// Returns a socket that listens at a port of 127.0.0.1. With port 0 the kernel chooses one.
unique_fd listen_at(in_port_t port) {
    unique_fd listener{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    // Without it, bind(2) fails for a minute after a stop: the server closed its connections first (TIME-WAIT).
    const int yes = 1;
    check("setsockopt", [&] { return setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); });
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check("bind", "127.0.0.1:" + std::to_string(port),
          [&] { return ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); });
    check("listen", [&] { return ::listen(listener.get(), SOMAXCONN); });
    return listener;
}

/// Returns the port that a socket is bound to.
in_port_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check("getsockname", [&] { return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

/// The connections that are open, so that a stop reaches all of them.
class connection_set {
public:
    void add(int socket) {
        const std::lock_guard lock{mutex_};
        sockets_.insert(socket);
    }

    void remove(int socket) {
        const std::lock_guard lock{mutex_};
        sockets_.erase(socket);
        if (sockets_.empty()) became_empty_.notify_all();
    }

    /// Makes recv(2) return 0 in each thread, after the bytes that have already arrived.
    void end_input() {
        const std::lock_guard lock{mutex_};
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RD);
    }

    void wait_until_empty(milliseconds limit) {
        std::unique_lock lock{mutex_};
        became_empty_.wait_for(lock, limit, [this] { return sockets_.empty(); });
    }

private:
    std::mutex mutex_;
    std::condition_variable became_empty_;
    std::set<int> sockets_;
};

connection_set connections;

/// A client's connection. It is removed from the set before its descriptor is closed: after that, another
/// client may get the same number.
class connection {
public:
    explicit connection(unique_fd socket) : socket_{std::move(socket)} { connections.add(socket_.get()); }
    ~connection() { connections.remove(socket_.get()); }
    connection(connection&&) = delete;

    [[nodiscard]] int socket() const { return socket_.get(); }

private:
    unique_fd socket_;
};

/// Makes recv(2) and send(2) fail with EAGAIN if nothing arrives, or nothing can be sent, for this time.
bool set_timeouts(int client, milliseconds limit) {
    const timeval time{.tv_sec = limit.count() / 1000, .tv_usec = limit.count() % 1000 * 1000};
    return setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0 &&
           setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0;
}

/// Appends a line in capitals to `output`. Only letters of ASCII have capitals here.
void add_in_capitals(std::string_view line, std::string& output) {
    for (const char letter : line)
        output += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    output += '\n';
}

/// Moves the complete lines of `input` to `output`, in capitals.
void take_lines(std::string& input, std::string& output) {
    std::size_t begin = 0;
    for (std::size_t end; (end = input.find('\n', begin)) != input.npos; begin = end + 1)
        add_in_capitals(std::string_view{input}.substr(begin, end - begin), output);
    input.erase(0, begin);
}

/// Sends all of `output`, and waits for a client that reads slowly: meanwhile nothing more is received from it.
/// Returns false if the client is gone, or has read nothing for the idle time.
bool send_all(int client, std::string& output) {
    std::string_view rest = output;
    while (!rest.empty()) {
        const auto count = ::send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    output.clear();
    return true;
}

/// Serves a client until the end of its input, or until it is lost: reset, idle, or with a line that is too
/// long.
void serve(int client, milliseconds idle_time) {
    if (!set_timeouts(client, idle_time)) return;
    std::string input;  // received, but not yet a line
    std::string output; // replies that are not yet sent
    for (;;) {
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return;
        if (count == 0) break;
        input.append(buffer, static_cast<std::size_t>(count));
        take_lines(input, output);
        if (!send_all(client, output) || input.size() > max_line) return;
    }
    if (!input.empty()) add_in_capitals(input, output); // the last line may have no newline
    send_all(client, output);
}

/// Starts a thread that serves a client. A failure costs this client only.
void start_thread(unique_fd client, milliseconds idle_time) try {
    std::thread{[client = std::make_unique<connection>(std::move(client)), idle_time] {
        try {
            serve(client->socket(), idle_time);
        } catch (const std::exception& error) { // such as std::bad_alloc; it would end the process
            std::fprintf(stderr, "capitals_server: a client is lost: %s\n", error.what());
        }
    }}.detach();
} catch (const std::exception& error) {
    std::fprintf(stderr, "capitals_server: a client is refused: %s\n", error.what());
}

/// True if accept(2) has failed for want of descriptors or memory. The client stays in the queue, so the next
/// call fails at once, too.
bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// True if accept(2) is to be called again: a signal came, or the error is that of a connection that is already
/// lost.
bool is_passing(int error) {
    for (const int passing : {EINTR, ECONNABORTED, EAGAIN, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN,
                              ENONET, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT})
        if (error == passing) return true;
    return false;
}

/// Starts a thread for each client, until a stop is requested.
void serve_all(int listener, milliseconds idle_time) {
    while (!is_stopping) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        unique_fd client{::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC)};
        if (client) {
            std::fprintf(stderr, "client from port %d\n", ntohs(address.sin_port));
            start_thread(std::move(client), idle_time);
        } else if (is_shortage(errno)) {
            std::this_thread::sleep_for(accept_pause);
        } else if (!is_stopping && !is_passing(errno)) {
            parley::throw_errno("accept");
        }
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
    int idle_milliseconds = 60'000;
    if (argument_count < 2 || argument_count > 3 || !parse<in_port_t>(arguments[1], 0, port) ||
        (argument_count == 3 && !parse(arguments[2], 1, idle_milliseconds))) {
        std::fprintf(stderr, "usage: capitals_server PORT [IDLE_MILLISECONDS]    (0 to 65535; from 1)\n");
        return 2;
    }
    const auto listener = listen_at(port);
    handle_stop_signals(listener.get());
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    serve_all(listener.get(), milliseconds{idle_milliseconds});
    connections.end_input();
    connections.wait_until_empty(grace);
    _exit(0); // threads may still run: nothing that they use may be destroyed
} catch (const std::exception& error) {
    std::fprintf(stderr, "capitals_server: %s\n", error.what());
    return 1;
}
