#include "server/accept/descriptor_passing.hpp"

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley {

namespace {

using std::chrono::steady_clock;

/// A message of one byte with room for one descriptor (cmsg(3)). The byte distinguishes it from end of
/// input, for which recvmsg(2) returns 0, too.
struct descriptor_message {
    char byte = 0;
    iovec content{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};

    descriptor_message() {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    descriptor_message(descriptor_message&&) = delete;

    /// Returns the connection in a received message, or nullopt if this process had no free descriptor for it
    /// (MSG_CTRUNC, unix(7)).
    [[nodiscard]] std::optional<connection> take_connection() {
        const auto* const rights = CMSG_FIRSTHDR(&header);
        if (!rights || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
        int passed = -1;
        std::memcpy(&passed, CMSG_DATA(rights), sizeof passed);
        return connection{unique_fd{passed}, address::of_peer(passed)};
    }
};

} // namespace

descriptor_passing::descriptor_passing(int max_workers)
    : passed_(static_cast<std::size_t>(max_workers)),
      finished_counts_{"parley-finished", static_cast<std::size_t>(max_workers)} {
    int ends[2];
    for (int i = 0; i < max_workers; ++i) {
        check("socketpair", [&] { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); });
        inboxes_.push_back({unique_fd{ends[0]}, unique_fd{ends[1]}});
    }
    check("pipe2", [&] { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); });
    finished_ = {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

void descriptor_passing::collect() {
    std::array<char, 512> bytes;
    while (read(finished_.reading.get(), bytes.data(), bytes.size()) > 0) {
    }
}

std::optional<int> descriptor_passing::idle_worker(const std::function<bool(int)>& is_serving) const {
    for (int number = 1; number <= static_cast<int>(passed_.size()); ++number)
        if (passed_[index(number)] == finished_counts_[index(number)] && is_serving(number)) return number;
    return std::nullopt;
}

bool descriptor_passing::pass(int number, const connection& connection) {
    descriptor_message message;
    auto* const rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = connection.descriptor();
    std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
    const int inbox = inboxes_[index(number)].writing.get();
    while (sendmsg(inbox, &message.header, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) return false;
    ++passed_[index(number)];
    return true;
}

std::optional<connection> descriptor_passing::ended(int number) {
    descriptor_message message;
    const auto received =
        recvmsg(inboxes_[index(number)].reading.get(), &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    finished_counts_[index(number)] = passed_[index(number)];
    return received > 0 ? message.take_connection() : std::nullopt;
}

void descriptor_passing::close() { inboxes_.clear(); }

void descriptor_passing::become_worker(int number) {
    own_number_ = number;
    inbox_ = std::move(inboxes_[index(number)].reading);
    inboxes_.clear();
    finished_.reading.reset();
}

/// Ignores a full pipe: then the parent has not read for long, and will read in any case.
void descriptor_passing::finish() {
    ++finished_counts_[index(own_number_)];
    [[maybe_unused]] const auto written = write(finished_.writing.get(), "", 1);
}

std::optional<connection> descriptor_passing::receive() {
    constexpr std::chrono::seconds max_wait_at_stop{1}; // far more than a parent takes to pass its backlog
    if (std::exchange(is_serving_, true)) finish();
    std::optional<steady_clock::time_point> leave_at;
    for (;;) {
        if (stop_signal::is_requested()) {
            if (!leave_at) leave_at = steady_clock::now() + max_wait_at_stop;
            if (steady_clock::now() >= *leave_at || stop_signal::is_grace_over()) return std::nullopt;
        }
        descriptor_message message;
        // After a shutdown request a timer interrupts the call periodically: see stop_signal.hpp.
        const auto size = recvmsg(inbox_.get(), &message.header, MSG_CMSG_CLOEXEC);
        if (size == 0) return std::nullopt; // by close()
        if (size < 0) {
            if (errno == EINTR) continue;
            if (errno == ECONNRESET) return std::nullopt;
            throw_errno("recvmsg", "from the parent");
        }
        if (auto connection = message.take_connection()) return connection;
        log::warn("worker {}: a client is lost: no descriptor is free for it", own_number_);
        finish();
    }
}

} // namespace parley
