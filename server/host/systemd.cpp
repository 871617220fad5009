#include "server/host/systemd.hpp"

#include "common/check.hpp"
#include "common/escaped.hpp"
#include "common/log.hpp"
#include "common/net/address.hpp"
#include "common/process/stop_signal.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/un.h>

namespace parley::systemd {

namespace {

constexpr int first_descriptor = 3; // SD_LISTEN_FDS_START

/// Returns a variable, and removes it from the environment.
std::optional<std::string> take(const char* variable) {
    const char* const value = std::getenv(variable);
    if (!value) return std::nullopt;
    std::string text{value};
    unsetenv(variable);
    return text;
}

int number_in(const char* variable, std::string_view text) {
    int number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || number < 0)
        throw std::invalid_argument(fmt::format("{}={} is no number", variable, text));
    return number;
}

int option_of(int socket, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/// Returns why the descriptor is no socket to serve from; empty if it is one.
std::string_view fault_of(int descriptor, int type) {
    if (fcntl(descriptor, F_GETFD) < 0) return "is not open";
    const int socket_type = option_of(descriptor, SO_TYPE);
    if (socket_type < 0) return "is no socket";
    if (socket_type != type)
        return type == SOCK_DGRAM ? "is no datagram socket: write ListenDatagram="
                                  : "is no stream socket: write ListenStream=, or choose the model datagram";
    if (type == SOCK_STREAM && option_of(descriptor, SO_ACCEPTCONN) != 1)
        return "does not listen: write Accept=no";
    const int family = address::of_socket(descriptor).family();
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return "is no TCP or UNIX socket";
    return {};
}

/// Sets what open_sockets() sets for sockets of the server's own.
void set_options(int socket) {
    check("fcntl", [&] { return fcntl(socket, F_SETFD, FD_CLOEXEC); });
    const int flags = check("fcntl", [&] { return fcntl(socket, F_GETFL); });
    check("fcntl", [&] { return fcntl(socket, F_SETFL, flags & ~O_NONBLOCK); });
    const int yes = 1; // fails on a UNIX socket, which is ignored
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(socket, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes);
}

/// Returns the address of NOTIFY_SOCKET. "@name" is an abstract one, which begins with a null byte (unix(7)).
address notify_address(const std::string& text) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if ((text[0] != '/' && text[0] != '@') || text.size() >= sizeof un.sun_path)
        throw std::invalid_argument("it is neither a path nor @NAME");
    text.copy(un.sun_path, text.size());
    if (text[0] == '@') un.sun_path[0] = '\0';
    return {reinterpret_cast<const sockaddr*>(&un),
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size()), SOCK_DGRAM};
}

} // namespace

std::vector<unique_fd> take_sockets(int type) {
    const auto process = take("LISTEN_PID");
    const auto count = take("LISTEN_FDS");
    const auto names = take("LISTEN_FDNAMES");
    std::vector<unique_fd> sockets;
    // The variables may be meant for a parent of this process that did not unset them.
    if (!process || !count || number_in("LISTEN_PID", *process) != getpid()) return sockets;
    const int end = first_descriptor + number_in("LISTEN_FDS", *count);
    for (int descriptor = first_descriptor; descriptor != end; ++descriptor) {
        if (const auto fault = fault_of(descriptor, type); !fault.empty())
            throw std::invalid_argument(fmt::format("LISTEN_FDS={}: descriptor {}{} {}", *count, descriptor,
                                                    names ? fmt::format(" (of {})", *names) : "", fault));
        sockets.emplace_back(descriptor);
        set_options(descriptor);
    }
    return sockets;
}

notification::notification() {
    const auto text = take("NOTIFY_SOCKET");
    if (!text || text->empty()) return;
    try {
        const auto address = notify_address(*text);
        unique_fd socket{check("socket", [] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
        check("connect", [&] { return ::connect(socket.get(), address.data(), address.size()); });
        socket_ = std::move(socket);
    } catch (const std::exception& error) {
        log::warn("NOTIFY_SOCKET={}: {}; the service manager is not notified", *text, error.what());
    }
}

notification::~notification() { stop_signal::cancel_notice(); }

void notification::ready(std::string_view status) const {
    if (!socket_) return;
    const auto text = fmt::format("READY=1\nSTATUS={}", escaped(status));
    if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
        log::warn("NOTIFY_SOCKET: send: {}", std::strerror(errno));
    stop_signal::notify_on_stop(socket_.get(), "STOPPING=1");
}

} // namespace parley::systemd
