#include "server/descriptor_passing.hpp"

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/stop_signal.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley {

namespace {

/// A message of one byte with room for one descriptor (cmsg(3)).
struct envelope {
    char byte = 0;
    iovec content{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};

    envelope() {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
};

} // namespace

descriptor_passing::descriptor_passing(int most) : is_idle_(static_cast<std::size_t>(most)) {
    int ends[2];
    for (int i = 0; i < most; ++i) {
        check("socketpair", [&] { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); });
        inboxes_.push_back({unique_fd{ends[0]}, unique_fd{ends[1]}});
    }
    check("pipe2", [&] { return pipe2(ends, O_CLOEXEC); });
    idle_ = {unique_fd{ends[0]}, unique_fd{ends[1]}};
    check("fcntl", [&] { return fcntl(idle_.reading.get(), F_SETFL, O_NONBLOCK); });
}

void descriptor_passing::collect_idle() {
    int number;
    while (read(idle_.reading.get(), &number, sizeof number) == sizeof number)
        is_idle_[static_cast<std::size_t>(number) - 1] = true;
}

void descriptor_passing::pass(const connection& wire) {
    const auto first = std::ranges::find(is_idle_, true);
    envelope message;
    auto* const rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = wire.descriptor();
    std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
    const int inbox = inboxes_[static_cast<std::size_t>(first - is_idle_.begin())].writing.get();
    while (sendmsg(inbox, &message.header, MSG_NOSIGNAL) < 0) {
        if (errno == EINTR) continue;
        if (complain_()) log::warn("sendmsg to a worker: {}; a client is lost", std::strerror(errno));
        return;
    }
    *first = false;
}

void descriptor_passing::become_worker(int number) {
    own_number_ = number;
    inbox_ = std::move(inboxes_[static_cast<std::size_t>(number) - 1].reading);
    inboxes_.clear();
    idle_.reading.reset();
}

std::optional<connection> descriptor_passing::receive() {
    check("write", "to the parent",
          [&] { return write(idle_.writing.get(), &own_number_, sizeof own_number_); });
    for (;;) {
        envelope message;
        // What was passed before a stop shall be served: then look, but do not wait.
        const int flags = MSG_CMSG_CLOEXEC | (stop_signal::requested() ? MSG_DONTWAIT : 0);
        if (recvmsg(inbox_.get(), &message.header, flags) < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return std::nullopt;
            throw_errno("recvmsg", "from the parent");
        }
        const auto* const rights = CMSG_FIRSTHDR(&message.header);
        if (!rights || rights->cmsg_type != SCM_RIGHTS) {
            log::warn("worker {}: a connection was passed that it has no descriptor for", own_number_);
            continue; // MSG_CTRUNC: out of descriptors (unix(7))
        }
        int passed;
        std::memcpy(&passed, CMSG_DATA(rights), sizeof passed);
        return connection{unique_fd{passed}, address::of_peer(passed)};
    }
}

} // namespace parley
