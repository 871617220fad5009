#include "server/exec/lingering_close.hpp"

#include "common/check.hpp"
#include "common/clock.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace parley {

namespace {

/// Discards input. Returns true if the client has closed or the connection is lost.
bool is_closed_by_peer(int socket) {
    constexpr int max_reads = 64; // 1 MiB: then the other clients have their turn
    read_buffer buffer;
    for (int i = 0; i < max_reads; ++i) {
        const auto count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count == 0) return true;
        if (count < 0) return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

} // namespace

lingering_close::lingering_close()
    : epoll_{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })} {}

void lingering_close::add(connection connection) {
    connection.shutdown_write();
    const int socket = connection.descriptor();
    if (is_closed_by_peer(socket)) return;
    try {
        const auto added =
            lingering_.emplace(next_, entry{std::move(connection), coarse_now() + connection::linger_time})
                .first;
        epoll_event readable{.events = EPOLLIN, .data = {.u64 = next_++}};
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &readable) != 0) lingering_.erase(added);
    } catch (const std::bad_alloc&) { // closed at once, by the destructor
    }
}

void lingering_close::maintain() {
    epoll_event events[64];
    const int count = epoll_wait(epoll_.get(), events, std::size(events), 0);
    for (int i = 0; i < count; ++i) {
        const auto found = lingering_.find(events[i].data.u64);
        if (found != lingering_.end() && is_closed_by_peer(found->second.connection.descriptor())) close(found);
    }
    const auto now = coarse_now();
    for (auto next = lingering_.begin(); next != lingering_.end() && now >= next->second.deadline;)
        next = close(next);
}

/// Removes the socket from the epoll set itself: close(2) does that only if no other process has the socket
/// (epoll(7), question 6), and the command's children may have it.
lingering_close::position lingering_close::close(position closing) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, closing->second.connection.descriptor(), nullptr);
    return lingering_.erase(closing);
}

} // namespace parley
