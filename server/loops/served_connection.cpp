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
      last_heard_{last_reply_} {
    driver_.get_session().assign_worker(worker.number());
}

served_connection::wants served_connection::resume(std::unique_ptr<read_buffer>& buffer) noexcept {
    if (cut_off_ || stop_signal::is_grace_over()) return waits_ = wants::done;
    auto& stats = worker_.stats();
    stats.now.set(activity::writing);
    const auto answered = stats.requests.get();
    try {
        if (!leaving_) waits_ = driver_.resume(buffer, stats);
        if (waits_ == wants::done || leaving_) waits_ = linger(buffer);
    } catch (const std::exception& error) {
        log_.failed(error);
        waits_ = wants::done;
    }
    // A loop that waits does so for all its clients; work is done on the spot, or for this one alone.
    const bool has_work = waits_ == wants::compute || waits_ == wants::yield;
    stats.now.set(has_work ? activity::writing : activity::waiting);
    last_heard_ = coarse_now();
    if (stats.requests.get() != answered) last_reply_ = last_heard_;
    return waits_;
}

void served_connection::feed(std::string_view bytes, bool more_there) {
    if (leaving_)
        cut_off_ = bytes.empty(); // the peer has said goodbye, too
    else
        driver_.feed(bytes, worker_.stats(), more_there);
}

void served_connection::sent(std::size_t count) {
    auto& stats = worker_.stats();
    const auto answered = stats.requests.get();
    driver_.sent(count, stats);
    if (stats.requests.get() != answered) last_reply_ = coarse_now();
}

/// The time that this took was not the client's.
void served_connection::done() {
    driver_.done();
    last_reply_ = coarse_now();
}

void served_connection::lost(std::string_view call, int error) noexcept {
    cut_off_ = true;
    try {
        log_.failed(std::system_error{error, std::generic_category(), std::string{call}});
    } catch (const std::bad_alloc&) { // then it goes without a word
    }
}

/// To close with unread input sends a reset, which may overtake our last reply: so read it off first.
served_connection::wants served_connection::linger(std::unique_ptr<read_buffer>& buffer) {
    if (driver_.saw_eof()) return wants::done;
    if (!leaving_) {
        leaving_ = true;
        driver_.get_connection().shutdown_write();
    }
    if (driver_.mode() == io_mode::completion) return wants::read; // see feed()
    if (!buffer) buffer = std::make_unique_for_overwrite<read_buffer>();
    const auto bytes = driver_.get_connection().read_some(*buffer);
    return bytes && bytes->empty() ? wants::done : wants::read;
}

bool served_connection::timed_out(time_point now, std::chrono::milliseconds idle_timeout) const {
    if (waits_ == wants::compute) return false; // another thread is at it
    if (stop_signal::is_grace_over()) return true;
    if (waits_ == wants::timer || waits_ == wants::yield) return false;
    if (leaving_) return now - last_reply_ >= connection::linger_time || stop_signal::is_requested();
    if (idle_timeout.count() > 0 && now - last_reply_ >= idle_timeout) return true;
    return waits_ == wants::read && stop_signal::is_requested() &&
           now - last_heard_ >= stop_signal::idle_after_stop;
}

void served_connection::give_up() {
    if (waits_ == wants::read && !leaving_ && !stop_signal::is_grace_over())
        feed({});
    else
        cut_off_ = true;
}

} // namespace parley
