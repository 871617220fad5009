#include "client/conversation/client_connection.hpp"

#include "common/check.hpp"

#include <array>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace parley {

/// Once, when there is nothing more to ask.
void dialogue::end_output() {
    if (!exchange_.has_ended() || std::exchange(output_ended_, true)) return;
    if (tls_)
        tls_->end_output();
    else
        driver_.wire().end_output();
}

/// With TLS, what the driver waits for may be there already, or have room, without the socket's knowing.
nonblocking_driver::waits_for dialogue::carry_on(std::unique_ptr<input_area>& spare, slot& notes) {
    using driver = nonblocking_driver::waits_for;
    for (bool has_read = false;;) {
        const auto what = driver_.go_on(spare, notes);
        if (what == driver::others) continue; // only a server divides its time
        if (what == driver::input) end_output();
        if (tls_ && what == driver::input) {
            if (std::exchange(has_read, true) && !tls_->has_more()) return what;
            if (!spare) spare = std::make_unique_for_overwrite<input_area>();
            const auto bytes = tls_->read_some(*spare);
            if (!bytes) return what;
            driver_.feed(*bytes, notes);
        } else if (tls_ && what == driver::room) {
            const auto count = tls_->write_some(driver_.unsent());
            if (count == 0) return what;
            driver_.sent(count, notes);
        } else {
            return what;
        }
    }
}

dialogue::waits_for dialogue::go_on(std::unique_ptr<input_area>& spare, slot& notes) {
    using driver = nonblocking_driver::waits_for;
    switch (carry_on(spare, notes)) {
    case driver::nothing: return now_ = waits_for::nothing;
    case driver::room: return now_ = waits_for::room;
    case driver::input: break;
    case driver::time: return now_ = waits_for::turn;
    case driver::others:
    case driver::work: throw std::logic_error("a client's conversation only sends and reads");
    }
    return now_ = waits_for::input;
}

void dialogue::begin_turn(std::optional<ledger::clock::time_point> due) {
    if (due) exchange_.due(*due);
    driver_.done();
}

void dialogue::check_silence() {
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

failure dialogue::late(std::chrono::milliseconds limit) const {
    const bool sends = now_ == waits_for::room;
    const auto what = sends                   ? "the server did not read"
                      : exchange_.has_ended() ? "the server did not end the conversation"
                                              : "no answer";
    return {sends ? phase::write : phase::read, sends ? "send" : "recv", "ETIMEDOUT",
            fmt::format("{} within {} ms", what, (limit + plan_.least_time).count())};
}

} // namespace parley
