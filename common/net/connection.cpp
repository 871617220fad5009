// Reads and writes a connected socket. Temporary failures are values; an error that ends the connection is
// thrown.
#include "common/net/connection.hpp"

#include "common/check.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace parley {

namespace {
/// True if the last call failed only for now. EAGAIN also stands for a timeout (SO_RCVTIMEO), and equals
/// EWOULDBLOCK on Linux.
bool is_temporary() { return errno == EAGAIN || errno == EINTR; }
} // namespace

std::optional<std::string_view> connection::read_some(std::span<char> buffer) {
    const auto count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count >= 0) return std::string_view{buffer.data(), static_cast<std::size_t>(count)};
    if (is_temporary()) return std::nullopt;
    throw_errno("recv");
}

std::size_t connection::write_some(std::string_view bytes) {
    const auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (is_temporary()) return 0;
    throw_errno("send");
}

void connection::shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }

bool connection::is_readable_within(std::chrono::milliseconds time) const {
    pollfd socket{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return poll(&socket, 1, static_cast<int>(time.count())) > 0;
}

bool connection::is_hung_up_within(std::chrono::milliseconds time) const {
    pollfd socket{.fd = socket_.get(), .events = 0, .revents = 0}; // poll(2) always reports POLLHUP and POLLERR
    return poll(&socket, 1, static_cast<int>(time.count())) > 0;
}

void connection::set_timeout(std::chrono::milliseconds limit) {
    if (limit == timeout_) return;
    set_timeouts(socket_.get(), limit);
    timeout_ = limit;
}

void set_timeouts(int socket, std::chrono::milliseconds limit) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
    const timeval time{.tv_sec = seconds.count(), .tv_usec = (limit - seconds) / std::chrono::microseconds{1}};
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
        check("setsockopt", [&] { return setsockopt(socket, SOL_SOCKET, direction, &time, sizeof time); });
}

} // namespace parley
