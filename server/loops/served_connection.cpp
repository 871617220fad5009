#include "server/loops/served_connection.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"

#include <new>
#include <string>
#include <system_error>

namespace parley {

served_connection::served_connection(connection connection, const service& offered, worker& worker,
                                     io_mode mode)
    : driver_{offered(), std::move(connection), mode},
      worker_{worker},
      log_{driver_.get_connection(), worker},
      last_reply_{coarse_now()},
      last_activity_{last_reply_} {
    driver_.get_session().assign_worker(worker.number());
}

served_connection::wants served_connection::resume(std::unique_ptr<read_buffer>& buffer) noexcept {
    if (aborted_ || stop_signal::is_grace_over()) return wanted_ = wants::done;
    auto& stats = worker_.stats();
    stats.now.set(activity::writing);
    const auto requests = stats.requests.get();
    try {
        if (!lingers_) wanted_ = driver_.resume(buffer, stats);
        if (wanted_ == wants::done || lingers_) wanted_ = linger(buffer);
    } catch (const std::exception& error) {
        log_.failed(error);
        wanted_ = wants::done;
    }
    // A loop that waits does so for all its clients. But work is done at once, or in the pool for this client.
    const bool has_work = wanted_ == wants::compute || wanted_ == wants::yield;
    stats.now.set(has_work ? activity::writing : activity::waiting);
    last_activity_ = coarse_now();
    if (stats.requests.get() != requests) last_reply_ = last_activity_;
    return wanted_;
}

void served_connection::feed(std::string_view bytes, bool more_there) {
    if (lingers_)
        aborted_ = bytes.empty(); // the peer has closed, too: the linger is over
    else
        driver_.feed(bytes, worker_.stats(), more_there);
}

void served_connection::sent(std::size_t count) {
    auto& stats = worker_.stats();
    const auto requests = stats.requests.get();
    driver_.sent(count, stats);
    if (stats.requests.get() != requests) last_reply_ = coarse_now();
}

/// Restarts the idle time: the server, not the client, was slow.
void served_connection::done() {
    driver_.done();
    last_reply_ = coarse_now();
}

void served_connection::connection_failed(std::string_view call, int error) noexcept {
    aborted_ = true;
    try {
        log_.failed(std::system_error{error, std::generic_category(), std::string{call}});
    } catch (const std::bad_alloc&) { // then it is not logged
    }
}

/// Shuts down the output and discards input until the peer closes: see connection::linger_time.
served_connection::wants served_connection::linger(std::unique_ptr<read_buffer>& buffer) {
    if (driver_.saw_eof()) return wants::done;
    if (!lingers_) {
        lingers_ = true;
        driver_.get_connection().shutdown_write();
    }
    if (driver_.mode() == io_mode::completion) return wants::read; // feed() discards it
    if (!buffer) buffer = std::make_unique_for_overwrite<read_buffer>();
    const auto bytes = driver_.get_connection().read_some(*buffer);
    return bytes && bytes->empty() ? wants::done : wants::read;
}

bool served_connection::timed_out(time_point now, std::chrono::milliseconds idle_timeout) const {
    if (wanted_ == wants::compute) return false; // another thread uses the session
    if (stop_signal::is_grace_over()) return true;
    if (wanted_ == wants::timer || wanted_ == wants::yield) return false;
    if (lingers_) return now - last_reply_ >= connection::linger_time || stop_signal::is_requested();
    if (idle_timeout.count() > 0 && now - last_reply_ >= idle_timeout) return true;
    return wanted_ == wants::read && stop_signal::is_requested() &&
           now - last_activity_ >= stop_signal::idle_after_stop;
}

void served_connection::abort() {
    if (wanted_ == wants::read && !lingers_ && !stop_signal::is_grace_over())
        feed({});
    else
        aborted_ = true;
}

} // namespace parley
