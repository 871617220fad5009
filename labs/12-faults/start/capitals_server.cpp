// A server with a thread for each client: it sends each line back in capitals. It works as long as its clients
// and the system do what it expects. The handout says what it must survive: scripts/lab handout 12.
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>

using parley::check;
using parley::unique_fd;
using std::chrono::milliseconds;

namespace {

volatile std::sig_atomic_t is_stopping = 0;

void request_stop(int /*signal*/) { is_stopping = 1; }

/// Lets SIGTERM and SIGINT interrupt accept(2).
void handle_stop_signals() {
    struct sigaction action {};
    action.sa_handler = request_stop;
    for (const int signal : {SIGTERM, SIGINT})
        check("sigaction", [&] { return sigaction(signal, &action, nullptr); });
}

/// Returns a socket that listens at a port of 127.0.0.1. With port 0 the kernel chooses one.
unique_fd listen_at(in_port_t port) {
    unique_fd listener{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
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

/// Returns the port of the client at the other end of a connection.
in_port_t port_of_peer(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check("getpeername", [&] { return getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

/// Makes recv(2) fail with EAGAIN if nothing arrives for this time.
void set_receive_timeout(int client, milliseconds limit) {
    const timeval time{.tv_sec = limit.count() / 1000, .tv_usec = limit.count() % 1000 * 1000};
    check("setsockopt", [&] { return setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time); });
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

/// Sends as much of `output` as the kernel takes without waiting, so that a slow client never delays the
/// server.
void send_some(int client, std::string& output) {
    const auto count = ::send(client, output.data(), output.size(), MSG_DONTWAIT);
    if (count >= 0)
        output.erase(0, static_cast<std::size_t>(count));
    else if (errno != EAGAIN)
        parley::throw_errno("send");
}

/// Serves a client until the end of its input.
void serve(int client, milliseconds idle_time) {
    set_receive_timeout(client, idle_time);
    std::string input;  // received, but not yet a line
    std::string output; // replies that are not yet sent
    for (;;) {
        char buffer[4096];
        const auto count = ::recv(client, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EAGAIN) continue; // nothing yet
        if (count < 0) parley::throw_errno("recv");
        if (count == 0) break;
        input.append(buffer, static_cast<std::size_t>(count));
        take_lines(input, output);
        send_some(client, output);
    }
    if (!input.empty()) add_in_capitals(input, output); // the last line may have no newline
    while (!output.empty()) {
        const auto count = check("send", [&] { return ::send(client, output.data(), output.size(), 0); });
        output.erase(0, static_cast<std::size_t>(count));
    }
    ::close(client);
}

/// Starts a thread for each client, until a stop is requested.
void serve_all(int listener, milliseconds idle_time) {
    for (;;) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (is_stopping) return;
        if (client < 0) parley::throw_errno("accept");
        std::fprintf(stderr, "client from port %d\n", port_of_peer(client));
        std::thread{serve, client, idle_time}.detach();
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
    handle_stop_signals();
    const auto listener = listen_at(port);
    std::printf("listening on 127.0.0.1:%d\n", port_of(listener.get()));
    std::fflush(stdout);
    serve_all(listener.get(), milliseconds{idle_milliseconds});
} catch (const std::exception& error) {
    std::fprintf(stderr, "capitals_server: %s\n", error.what());
    return 1;
}
