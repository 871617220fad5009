#include "client/conversation/client_connection.hpp"

#include "common/check.hpp"

#include <array>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace parley {

/// Once, when there is nothing more to ask.
void client_connection::shutdown_write() {
    if (!request_cycle_.has_ended() || std::exchange(output_ended_, true)) return;
    if (tls_)
        tls_->shutdown_write();
    else
        driver_.get_connection().shutdown_write();
}

/// With TLS, what the driver waits for may be there already, or have room, without the socket's knowing.
nonblocking_driver::wants client_connection::carry_on(std::unique_ptr<read_buffer>& spare, slot& notes) {
    using driver = nonblocking_driver::wants;
    for (bool has_read = false;;) {
        const auto what = driver_.resume(spare, notes);
        if (what == driver::yield) continue; // only a server divides its time
        if (what == driver::read) shutdown_write();
        if (tls_ && what == driver::read) {
            if (std::exchange(has_read, true) && !tls_->has_more()) return what;
            if (!spare) spare = std::make_unique_for_overwrite<read_buffer>();
            const auto bytes = tls_->read_some(*spare);
            if (!bytes) return what;
            driver_.feed(*bytes, notes);
        } else if (tls_ && what == driver::write) {
            const auto count = tls_->write_some(driver_.unsent());
            if (count == 0) return what;
            driver_.sent(count, notes);
        } else {
            return what;
        }
    }
}

client_connection::wants client_connection::resume(std::unique_ptr<read_buffer>& spare, slot& notes) {
    using driver = nonblocking_driver::wants;
    switch (carry_on(spare, notes)) {
    case driver::done: return now_ = wants::done;
    case driver::write: return now_ = wants::write;
    case driver::read: break;
    case driver::timer: return now_ = wants::turn;
    case driver::yield:
    case driver::compute: throw std::logic_error("a client's conversation only sends and reads");
    }
    return now_ = wants::read;
}

void client_connection::begin_turn(std::optional<run_stats::clock::time_point> due) {
    if (due) request_cycle_.due(*due);
    driver_.done();
}

void client_connection::check_silence() {
    std::array<char, 1> first;
    ssize_t came = 0;
    if (tls_) { // which has messages of its own, too
        const auto bytes = tls_->read_some(first);
        if (!bytes) return;
        came = static_cast<ssize_t>(bytes->size());
    } else {
        came = recv(descriptor(), first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
    }
    if (came > 0)
        throw conversation_failed{
            {phase::verify, {}, "too many bytes", "the server sent bytes while it was asked nothing"}};
    if (came == 0)
        throw conversation_failed{{phase::read, "recv", "end of input",
                                   "the server closed a connection that was waiting for its turn"}};
    if (errno != EAGAIN && errno != EINTR) throw_errno("recv");
}

failure client_connection::late(std::chrono::milliseconds limit) const {
    const bool sends = now_ == wants::write;
    const auto what = sends                        ? "the server did not read"
                      : request_cycle_.has_ended() ? "the server did not end the conversation"
                                                   : "no answer";
    return {sends ? phase::write : phase::read, sends ? "send" : "recv", "ETIMEDOUT",
            fmt::format("{} within {} ms", what, (limit + plan_.least_time).count())};
}

} // namespace parley
