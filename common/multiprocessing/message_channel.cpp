// Sends and receives with calls that do not change the mode of the socket: O_NONBLOCK would be shared with the
// other processes that have this end.
#include "common/multiprocessing/message_channel.hpp"

#include "common/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>

namespace parley {

namespace {

using std::chrono::steady_clock;

using message_length = std::uint32_t;

/// How much is read at a time. With each message that is taken, at most this much is moved to the front.
constexpr std::size_t read_size = 16 * 1024;

/// True if the other end is closed. ECONNRESET: it was closed before it had read everything.
bool is_peer_gone(int error) { return error == EPIPE || error == ECONNRESET; }

bool wait_readable(int socket, std::optional<steady_clock::time_point> deadline) {
    using namespace std::chrono;
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    return check("poll", [&] {
               const auto left = deadline ? ceil<milliseconds>(*deadline - steady_clock::now()).count() : -1;
               return poll(&readable, 1,
                           deadline ? static_cast<int>(std::clamp<long>(left, 0, 1'000'000'000)) : -1);
           }) != 0;
}

} // namespace

void message_channel::require_open() const {
    if (!socket_) throw std::logic_error("this end of the pipe has been closed");
}

bool message_channel::send(std::string_view message) {
    require_open();
    if (message.size() > max_message)
        throw std::length_error("a message of " + std::to_string(message.size()) +
                                " bytes is too long for a pipe: at most " + std::to_string(max_message));
    auto length = static_cast<message_length>(message.size());
    std::array<iovec, 2> parts{iovec{&length, sizeof length},
                               iovec{const_cast<char*>(message.data()), message.size()}};
    while (parts[0].iov_len + parts[1].iov_len != 0) {
        msghdr header{};
        header.msg_iov = parts.data();
        header.msg_iovlen = parts.size();
        const auto count = sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
        if (count == -1) {
            if (errno == EINTR) continue;
            if (is_peer_gone(errno)) return false;
            throw_errno("sendmsg");
        }
        auto sent = static_cast<std::size_t>(count);
        for (auto& part : parts) {
            const auto from_part = std::min(sent, part.iov_len);
            part.iov_base = static_cast<char*>(part.iov_base) + from_part;
            part.iov_len -= from_part;
            sent -= from_part;
        }
    }
    return true;
}

received<std::string> message_channel::receive(std::optional<std::chrono::milliseconds> limit) {
    require_open();
    std::optional<steady_clock::time_point> deadline;
    if (limit) deadline = steady_clock::now() + *limit;
    for (;;) {
        if (auto message = next_message()) return {receive_status::value, std::move(message)};
        const auto old_size = unread_.size();
        unread_.resize(old_size + read_size);
        const auto count = recv(socket_.get(), unread_.data() + old_size, read_size, MSG_DONTWAIT);
        const int error = errno;
        unread_.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count > 0) continue;
        if (count == 0 || is_peer_gone(error)) return {receive_status::end_of_input, std::nullopt};
        if (error != EAGAIN && error != EINTR) {
            errno = error;
            throw_errno("recv");
        }
        if (error == EAGAIN && !wait_readable(socket_.get(), deadline))
            return {receive_status::timed_out, std::nullopt};
    }
}

std::optional<std::string> message_channel::next_message() {
    message_length length = 0;
    if (unread_.size() < sizeof length) return std::nullopt;
    std::memcpy(&length, unread_.data(), sizeof length);
    if (length > max_message)
        throw std::runtime_error("a pipe is damaged: it announces a message of " + std::to_string(length) +
                                 " bytes");
    if (unread_.size() - sizeof length < length) return std::nullopt;
    auto message = unread_.substr(sizeof length, length);
    unread_.erase(0, sizeof length + length);
    return message;
}

void message_channel::shutdown_write() const { ::shutdown(socket_.get(), SHUT_WR); }

std::pair<message_channel, message_channel> make_message_channels() {
    std::array<int, 2> sockets{};
    check("socketpair", [&] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()); });
    return {message_channel{unique_fd{sockets[0]}}, message_channel{unique_fd{sockets[1]}}};
}

} // namespace parley
