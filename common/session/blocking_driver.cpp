#include "common/session/blocking_driver.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"
#include "common/session/reply_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class blocking_driver {
public:
    blocking_driver(session& session, connection& connection, slot& stats, milliseconds idle_timeout)
        : session_{session}, connection_{connection}, stats_{stats}, idle_timeout_{idle_timeout} {
        if (idle_timeout.count() > 0) connection.set_timeout(idle_timeout);
    }

    void run() {
        stats_.now.set(activity::reading);
        while (const step* wanted = next())
            if (stop_signal::is_grace_over() ||
                !std::visit([this](const auto& each) { return carry_out(each); }, *wanted))
                return;
        if (send_batch() && !heard_end_) linger();
    }

private:
    /// What the session throws comes after the replies that it has made.
    const step* next() {
        try {
            return session_.next();
        } catch (...) {
            send_batch();
            throw;
        }
    }

    // Each returns false where the conversation must be cut off.

    bool carry_out(need_input) {
        if (!send_batch()) return false;
        batch_.release();
        const auto bytes = read();
        heard_end_ = bytes.empty();
        stats_.bytes_in.add(bytes.size());
        stats_.now.set(activity::writing);
        session_.feed(bytes);
        return true;
    }

    /// Replies to requests that came together go out together.
    bool carry_out(const output& out) {
        if ((session_.has_unread_input() || !batch_.empty()) && batch_.add(out.bytes)) return true;
        return send_batch() && send(out.bytes, 1);
    }

    bool send_batch() {
        if (batch_.empty()) return true;
        const bool is_sent = send(batch_.bytes(), batch_.replies());
        batch_.clear();
        return is_sent;
    }

    /// Nor has a peer that reads now and then a byte of its reply.
    bool send(std::string_view bytes, unsigned replies) {
        std::optional<steady_clock::time_point> began;
        for (auto rest = bytes; !rest.empty();) {
            const auto sent = connection_.write_some(rest);
            if (sent == 0 && (errno == EAGAIN || stop_signal::is_grace_over())) return false;
            rest.remove_prefix(sent);
            if (rest.empty() || idle_timeout_.count() == 0) continue;
            if (!began) began = coarse_now();
            if (coarse_now() - *began >= idle_timeout_) return false;
        }
        stats_.bytes_out.add(bytes.size());
        stats_.requests.add(replies);
        stats_.now.set(activity::idle);
        reads_since_reply_ = 0;
        last_reply_ = coarse_now();
        return true;
    }

    bool carry_out(delay pause) {
        if (!send_batch()) return false;
        for (const auto end = steady_clock::now() + pause.time;;) {
            const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
            if (left.count() <= 0) return true;
            if (stop_signal::is_grace_over()) return false;
            if (connection_.is_hung_up_within(left)) return false;
        }
    }

    bool carry_out(const compute& work) {
        if (!send_batch()) return false;
        work();
        return true;
    }

    /// The next bytes; empty also where no more shall be waited for.
    std::string_view read() {
        const bool goes_on = reads_since_reply_++ != 0 && idle_timeout_.count() != 0;
        for (;;) {
            if (stop_signal::is_requested() && !is_readable_soon()) return {};
            if (goes_on) {
                const auto left = time_left();
                if (left.count() <= 0) return {};
                if (!connection_.is_readable_within(left)) continue; // the time is over, or a signal has come
            }
            if (const auto bytes = connection_.read_some(input_)) return *bytes;
            if (errno == EAGAIN) return {}; // idle for too long
        }
    }

    /// A peer that sends now and then a byte of a request, but never the whole, has no longer than a silent
    /// one.
    milliseconds time_left() const {
        return std::chrono::ceil<milliseconds>(last_reply_ + idle_timeout_ - coarse_now());
    }

    bool is_readable_soon() const {
        return !stop_signal::is_grace_over() && connection_.is_readable_within(stop_signal::idle_after_stop);
    }

    /// To close with unread input sends a reset, which may overtake our last reply: so read it off first.
    void linger() {
        stats_.now.set(activity::closing);
        connection_.shutdown_write();
        const auto end = steady_clock::now() + connection::linger_time;
        while (steady_clock::now() < end && !stop_signal::is_requested() &&
               connection_.is_readable_within(connection::linger_time)) {
            const auto bytes = connection_.read_some(input_);
            if (bytes && bytes->empty()) return;
        }
    }

    session& session_;
    connection& connection_;
    slot& stats_;
    milliseconds idle_timeout_;
    bool heard_end_ = false;
    unsigned reads_since_reply_ = 0;
    steady_clock::time_point last_reply_ = coarse_now(); // or the beginning
    reply_batch batch_;
    read_buffer input_;
};

} // namespace

void drive_blocking(session& session, connection& connection, worker& worker, milliseconds idle_timeout) {
    session.assign_worker(worker.number());
    blocking_driver{session, connection, worker.stats(), idle_timeout}.run();
}

} // namespace parley
