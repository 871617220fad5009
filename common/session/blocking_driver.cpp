// The four steps of a session, as blocking system calls. SO_RCVTIMEO and SO_SNDTIMEO end calls that wait too
// long.
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
        while (const step* next_step = next())
            if (stop_signal::is_grace_over() ||
                !std::visit([this](const auto& request) { return perform(request); }, *next_step))
                return;
        if (send_batch() && !saw_eof_) linger();
    }

private:
    /// Returns the next step. If the session throws, the replies that it has made are sent first.
    const step* next() {
        try {
            return session_.next();
        } catch (...) {
            send_batch();
            throw;
        }
    }

    // Each perform() returns false if the connection must be closed without a linger.

    bool perform(need_input) {
        if (!send_batch()) return false;
        batch_.release();
        const auto bytes = read();
        saw_eof_ = bytes.empty();
        stats_.bytes_in.add(bytes.size());
        stats_.now.set(activity::writing);
        session_.feed(bytes);
        return true;
    }

    /// Sends a reply, or adds it to the batch: replies to pipelined requests share one call.
    bool perform(const output& reply) {
        if ((session_.has_unread_input() || !batch_.empty()) && batch_.add(reply.bytes)) return true;
        return send_batch() && send(reply.bytes, 1);
    }

    bool send_batch() {
        if (batch_.empty()) return true;
        const bool is_sent = send(batch_.bytes(), batch_.replies());
        batch_.clear();
        return is_sent;
    }

    /// Sends all bytes. Returns false if the peer has not read them within the idle timeout. SO_SNDTIMEO alone
    /// does not ensure that: a peer that reads a byte from time to time starts it again.
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

    bool perform(delay pause) {
        if (!send_batch()) return false;
        for (const auto end = steady_clock::now() + pause.time;;) {
            const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
            if (left.count() <= 0) return true;
            if (stop_signal::is_grace_over()) return false;
            if (connection_.is_hung_up_within(left)) return false;
        }
    }

    bool perform(const compute& work) {
        if (!send_batch()) return false;
        work();
        return true;
    }

    /// Reads the next bytes. Returns an empty view at the end of input, after the idle timeout, or if a stop
    /// was requested and nothing arrives soon.
    std::string_view read() {
        const bool is_partial_request = reads_since_reply_++ != 0 && idle_timeout_.count() != 0;
        for (;;) {
            if (stop_signal::is_requested() && !is_readable_soon()) return {};
            if (is_partial_request) {
                const auto left = time_left();
                if (left.count() <= 0) return {};
                if (!connection_.is_readable_within(left)) continue; // timeout, or a signal
            }
            if (const auto bytes = connection_.read_some(input_)) return *bytes;
            if (errno == EAGAIN) return {}; // SO_RCVTIMEO: idle for too long
        }
    }

    /// Returns how much of the idle timeout is left since the last reply. A peer that sends single bytes of a
    /// request, but never all of it, thus gets no more time than a silent one.
    milliseconds time_left() const {
        return std::chrono::ceil<milliseconds>(last_reply_ + idle_timeout_ - coarse_now());
    }

    bool is_readable_soon() const {
        return !stop_signal::is_grace_over() && connection_.is_readable_within(stop_signal::idle_after_stop);
    }

    /// Closes our direction and discards input until the peer closes too (lingering close). If close(2) finds
    /// unread input, the kernel sends a reset, which may destroy the last reply before the peer reads it.
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
    bool saw_eof_ = false;
    unsigned reads_since_reply_ = 0;
    steady_clock::time_point last_reply_ = coarse_now(); // or the start of the connection
    reply_batch batch_;
    read_buffer input_;
};

} // namespace

void drive_blocking(session& session, connection& connection, worker& worker, milliseconds idle_timeout) {
    session.assign_worker(worker.number());
    blocking_driver{session, connection, worker.stats(), idle_timeout}.run();
}

} // namespace parley
