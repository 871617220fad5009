// Blocking send(2) and recv(2) behind poll(2).
#include "client/check/probe.hpp"

#include "client/check/examination.hpp"
#include "client/conversation/expected_response.hpp"
#include "common/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

int poll_once(int socket, short events, milliseconds limit) {
    pollfd entry{socket, events, 0};
    const auto deadline = steady_clock::now() + limit;
    return check("poll", [&] {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        return poll(&entry, 1, static_cast<int>(std::max<long>(left, 0)));
    });
}

bool is_lost(int error) { return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT; }

/// Returns the bytes from the first difference on, of both texts.
std::string difference(std::string_view expected, std::string_view came) {
    const auto at = static_cast<std::size_t>(
        std::mismatch(expected.begin(), expected.end(), came.begin(), came.end()).first - expected.begin());
    return fmt::format("byte {} of {} differs: expected {}, received {}", at, expected.size(),
                       in_quotes(expected.substr(at)), in_quotes(came.substr(std::min(at, came.size()))));
}

} // namespace

probe::probe(examination& examination, int receive_buffer) : examination_{&examination} {
    auto& server = examination.server();
    socket_ = unique_fd{check("socket", [&] {
        return ::socket(server.endpoint().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    })};
    if (receive_buffer > 0)
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const auto& address = server.endpoint();
    int error = connect(socket_.get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        if (poll_once(socket_.get(), POLLOUT, examination.limit()) == 0)
            examination.fail_late("connect: no reply: the backlog is full, and the server does not accept");
        socklen_t size = sizeof error;
        getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) examination.fail(fmt::format("connect: {}", std::strerror(error)));
    examination.step(fmt::format("connected from port {}", local_port()));
}

/// Ends the check if the socket does not become ready. A server that computes gets more time.
void probe::wait_for(short events, const char* purpose) {
    for (int tries = 0;; ++tries) {
        if (poll_once(socket_.get(), events, examination_->limit()) > 0) return;
        examination_->end_if_late();
        auto& server = examination_->server();
        const bool is_busy = server.is_ours() && server.is_running() && server.is_busy();
        if (is_busy && tries < 3) continue;
        examination_->fail_late(fmt::format("{} for {} s: the server {}", purpose,
                                            (tries + 1) * examination_->limit().count() / 1000,
                                            !server.is_ours() ? "is silent"
                                            : is_busy         ? "computes all the time"
                                                              : "waits for something else"));
    }
}

std::size_t probe::send_some(std::string_view bytes, milliseconds limit) {
    const auto deadline = steady_clock::now() + limit;
    std::size_t sent = 0;
    while (sent != bytes.size()) {
        const auto count = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
            if (left.count() <= 0 || poll_once(socket_.get(), POLLOUT, left) == 0) break;
        } else if (is_lost(errno)) {
            break;
        } else if (errno != EINTR) {
            throw_errno("send");
        }
    }
    examination_->step(fmt::format("sent {} of {} bytes", sent, bytes.size()));
    return sent;
}

void probe::send(std::string_view bytes) {
    if (bytes.size() <= 40)
        examination_->step(fmt::format("sends {}", in_quotes(bytes)));
    else
        examination_->step(fmt::format("sends {} bytes", bytes.size()));
    while (!bytes.empty()) {
        const auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (errno == EAGAIN)
            wait_for(POLLOUT, "the server takes no more bytes");
        else if (is_lost(errno))
            examination_->fail(fmt::format("the server closed the connection: send: {}", std::strerror(errno)));
        else if (errno != EINTR)
            throw_errno("send");
    }
}

void probe::send_in_pieces(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, piece);
        send(part);
        bytes.remove_prefix(part.size());
        // Acknowledged is not read. Most servers read at once; a check must not depend on it.
        examination_->eventually([&] {
            int unsent = 0;
            return ioctl(socket_.get(), SIOCOUTQ, &unsent) != 0 || unsent == 0;
        });
        if (!bytes.empty()) poll_once(-1, 0, milliseconds{20});
    }
}

std::optional<std::string> probe::receive_some(std::size_t size, milliseconds limit) {
    if (!unread_.empty()) {
        auto bytes = unread_.substr(0, size);
        unread_.erase(0, bytes.size());
        return bytes;
    }
    if (has_ended_) return std::string{};
    if (poll_once(socket_.get(), POLLIN, limit) == 0) return std::nullopt;
    std::string bytes(size, '\0');
    const auto count = ::recv(socket_.get(), bytes.data(), size, 0);
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    if (count <= 0) has_ended_ = true;
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return bytes;
}

void probe::receive_more(const char* purpose) {
    if (!has_ended_) wait_for(POLLIN, purpose);
    std::array<char, 64 * 1024> buffer;
    const auto count = has_ended_ ? 0 : ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
        unread_.append(buffer.data(), static_cast<std::size_t>(count));
        return;
    }
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    examination_->fail(fmt::format("the server closed the connection{} after {}: {}",
                                   count < 0 ? " with a reset" : "",
                                   unread_.empty() ? "no byte" : in_quotes(unread_), purpose));
}

void probe::expect(std::string_view bytes) {
    while (unread_.size() < bytes.size()) {
        if (!bytes.starts_with(unread_)) examination_->fail(difference(bytes, unread_));
        receive_more("the reply is not complete");
    }
    if (!std::string_view{unread_}.starts_with(bytes)) examination_->fail(difference(bytes, unread_));
    unread_.erase(0, bytes.size());
    examination_->step(fmt::format("received the {} bytes that were expected", bytes.size()));
}

std::string probe::receive_line() {
    std::size_t end = 0;
    while ((end = unread_.find('\n')) == std::string::npos) receive_more("there is no whole line");
    auto line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    examination_->step(fmt::format("received the line {}", in_quotes(line)));
    return line;
}

std::string probe::receive_all() {
    std::string all;
    for (;;) {
        auto bytes = receive_some(64 * 1024, examination_->limit());
        if (!bytes) {
            wait_for(POLLIN, "the server does not close the connection");
            continue;
        }
        if (bytes->empty()) break;
        all += *bytes;
    }
    examination_->step(fmt::format("received {} bytes, then the end of input", all.size()));
    return all;
}

void probe::expect_end() {
    const auto rest = receive_all();
    examination_->expect(rest.empty(), fmt::format("expected the end of input, received {}", in_quotes(rest)));
}

bool probe::has_input() const {
    return !unread_.empty() || has_ended_ || poll_once(socket_.get(), POLLIN, milliseconds{0}) > 0;
}

bool probe::is_closed_within(milliseconds limit) {
    const auto bytes = receive_some(1, limit);
    if (bytes && !bytes->empty()) unread_.insert(0, *bytes);
    return bytes && bytes->empty();
}

void probe::shutdown_write() {
    examination_->step("ended its input (shutdown)");
    ::shutdown(socket_.get(), SHUT_WR);
}

void probe::reset() {
    examination_->step("reset the connection");
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_.reset();
}

void probe::close() {
    examination_->step("closed the connection");
    socket_.reset();
}

int probe::local_port() const {
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    if (getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    return ntohs(address.sin6_port); // at the same place for IPv4
}

} // namespace parley
