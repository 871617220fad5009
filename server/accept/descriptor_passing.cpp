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
    envelope(envelope&&) = delete;

    /// The connection in a message that was received; nullopt if there was no descriptor for it (MSG_CTRUNC,
    /// unix(7)).
    [[nodiscard]] std::optional<connection> open() {
        const auto* const rights = CMSG_FIRSTHDR(&header);
        if (!rights || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
        int passed = -1;
        std::memcpy(&passed, CMSG_DATA(rights), sizeof passed);
        return connection{unique_fd{passed}, address::of_peer(passed)};
    }
};

} // namespace

descriptor_passing::descriptor_passing(int most)
    : passed_(static_cast<std::size_t>(most)), counts_{"parley-finished", static_cast<std::size_t>(most)} {
    int ends[2];
    for (int i = 0; i < most; ++i) {
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
        if (passed_[index(number)] == counts_[index(number)] && is_serving(number)) return number;
    return std::nullopt;
}

bool descriptor_passing::pass(int number, const connection& connection) {
    envelope message;
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
    envelope message;
    const auto received =
        recvmsg(inboxes_[index(number)].reading.get(), &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    counts_[index(number)] = passed_[index(number)];
    return received > 0 ? message.open() : std::nullopt;
}

void descriptor_passing::close() { inboxes_.clear(); }

void descriptor_passing::become_worker(int number) {
    own_number_ = number;
    inbox_ = std::move(inboxes_[index(number)].reading);
    inboxes_.clear();
    finished_.reading.reset();
}

/// The pipe is full only if the parent has not looked for long: then it will look anyway.
void descriptor_passing::finish() {
    ++counts_[index(own_number_)];
    [[maybe_unused]] const auto written = write(finished_.writing.get(), "", 1);
}

std::optional<connection> descriptor_passing::receive() {
    constexpr std::chrono::seconds longest{1};
    if (std::exchange(is_serving_, true)) finish();
    std::optional<steady_clock::time_point> leave_at;
    for (;;) {
        if (stop_signal::is_requested()) {
            if (!leave_at) leave_at = steady_clock::now() + longest;
            if (steady_clock::now() >= *leave_at || stop_signal::is_grace_over()) return std::nullopt;
        }
        envelope message;
        // A stop interrupts the call again and again.
        const auto size = recvmsg(inbox_.get(), &message.header, MSG_CMSG_CLOEXEC);
        if (size == 0) return std::nullopt; // the parent has closed it
        if (size < 0) {
            if (errno == EINTR) continue;
            if (errno == ECONNRESET) return std::nullopt;
            throw_errno("recvmsg", "from the parent");
        }
        if (auto connection = message.open()) return connection;
        log::warn("worker {}: a client is lost: there is no descriptor for it", own_number_);
        finish();
    }
}

} // namespace parley
