#include "server/exec/lingering_close.hpp"

#include "common/check.hpp"
#include "common/clock.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace parley {

namespace {

/// Drops what has come. True: the client has ended, or is lost.
bool has_ended(int socket) {
    read_buffer area;
    for (int i = 0; i < 64; ++i) { // others wait, too
        const auto count = ::recv(socket, area.data(), area.size(), MSG_DONTWAIT);
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
    if (has_ended(socket)) return;
    try {
        const auto added =
            leaving_.emplace(next_, leaving{std::move(connection), coarse_now() + connection::linger_time})
                .first;
        epoll_event readable{.events = EPOLLIN, .data = {.u64 = next_++}};
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &readable) != 0) leaving_.erase(added);
    } catch (const std::bad_alloc&) { // as above: then without a linger_time
    }
}

void lingering_close::maintain() {
    epoll_event events[64];
    const int count = epoll_wait(epoll_.get(), events, std::size(events), 0);
    for (int i = 0; i < count; ++i) {
        const auto found = leaving_.find(events[i].data.u64);
        if (found != leaving_.end() && has_ended(found->second.connection.descriptor())) close(found);
    }
    const auto now = coarse_now();
    for (auto each = leaving_.begin(); each != leaving_.end() && now >= each->second.deadline;)
        each = close(each);
}

/// Another process may still have the socket: then close(2) alone would leave it in the epoll set.
lingering_close::position lingering_close::close(position each) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, each->second.connection.descriptor(), nullptr);
    return leaving_.erase(each);
}

} // namespace parley
