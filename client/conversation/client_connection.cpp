#include "client/conversation/client_connection.hpp"

#include "common/check.hpp"

#include <array>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace parley {

/// Does this once, after the last request.
void client_connection::shutdown_write() {
    if (!request_cycle_.has_ended() || std::exchange(output_ended_, true)) return;
    if (tls_)
        tls_->shutdown_write();
    else
        driver_.get_connection().shutdown_write();
}

/// With TLS, input may be buffered in OpenSSL while the socket is not readable. So TLS is tried before waiting.
nonblocking_driver::wants client_connection::carry_on(std::unique_ptr<read_buffer>& buffer, slot& stats) {
    using driver = nonblocking_driver::wants;
    for (bool has_read = false;;) {
        const auto wanted = driver_.resume(buffer, stats);
        if (wanted == driver::yield) continue; // only a server limits the time of a turn
        if (wanted == driver::read) shutdown_write();
        if (tls_ && wanted == driver::read) {
            if (std::exchange(has_read, true) && !tls_->has_more()) return wanted;
            if (!buffer) buffer = std::make_unique_for_overwrite<read_buffer>();
            const auto bytes = tls_->read_some(*buffer);
            if (!bytes) return wanted;
            driver_.feed(*bytes, stats);
        } else if (tls_ && wanted == driver::write) {
            const auto count = tls_->write_some(driver_.unsent());
            if (count == 0) return wanted;
            driver_.sent(count, stats);
        } else {
            return wanted;
        }
    }
}

client_connection::wants client_connection::resume(std::unique_ptr<read_buffer>& buffer, slot& stats) {
    using driver = nonblocking_driver::wants;
    switch (carry_on(buffer, stats)) {
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
    ssize_t count = 0;
    if (tls_) { // TLS has messages without application data
        const auto bytes = tls_->read_some(first);
        if (!bytes) return;
        count = static_cast<ssize_t>(bytes->size());
    } else {
        count = recv(descriptor(), first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
    }
    if (count > 0)
        throw conversation_failed{
            {phase::verify, {}, "too many bytes", "the server sent bytes without a request"}};
    if (count == 0)
        throw conversation_failed{{phase::read, "recv", "end of input",
                                   "the server closed a connection while no request was pending"}};
    if (errno != EAGAIN && errno != EINTR) throw_errno("recv");
}

failure client_connection::late(std::chrono::milliseconds limit) const {
    const bool is_sending = now_ == wants::write;
    const auto problem = is_sending                   ? "the server did not read"
                         : request_cycle_.has_ended() ? "the server did not end the conversation"
                                                      : "no reply";
    return {is_sending ? phase::write : phase::read, is_sending ? "send" : "recv", "ETIMEDOUT",
            fmt::format("{} within {} ms", problem, (limit + plan_.least_time).count())};
}

} // namespace parley
