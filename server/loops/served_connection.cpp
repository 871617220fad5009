#include "server/loops/served_connection.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"

#include <new>
#include <string>
#include <system_error>

namespace parley {

namespace {

using std::chrono::milliseconds;

/// How long a peer that has heard our end may take to end, too.
constexpr milliseconds farewell{1000};

} // namespace

served_connection::served_connection(connection wire, const service& offered, worker& by, transfer mode)
    : driver_{offered(), std::move(wire), mode},
      by_{by},
      log_{driver_.wire(), by},
      last_reply_{coarse_now()},
      last_heard_{last_reply_} {
    driver_.talk().taken_by(by.number());
}

served_connection::waits_for served_connection::go_on(std::unique_ptr<input_area>& spare) noexcept {
    if (cut_off_ || stop_signal::grace_over()) return waits_ = waits_for::nothing;
    auto& notes = by_.notes();
    notes.now.set(activity::writing);
    const auto answered = notes.requests.get();
    try {
        if (!leaving_) waits_ = driver_.go_on(spare, notes);
        if (waits_ == waits_for::nothing || leaving_) waits_ = say_goodbye(spare);
    } catch (const std::exception& error) {
        log_.failed(error);
        waits_ = waits_for::nothing;
    }
    // A loop that waits does so for all its clients; work is done on the spot, or for this one alone.
    const bool has_work = waits_ == waits_for::work || waits_ == waits_for::others;
    notes.now.set(has_work ? activity::writing : activity::waiting);
    last_heard_ = coarse_now();
    if (notes.requests.get() != answered) last_reply_ = last_heard_;
    return waits_;
}

void served_connection::feed(std::string_view bytes, bool more_there) {
    if (leaving_)
        cut_off_ = bytes.empty(); // the peer has said goodbye, too
    else
        driver_.feed(bytes, by_.notes(), more_there);
}

void served_connection::sent(std::size_t count) {
    auto& notes = by_.notes();
    const auto answered = notes.requests.get();
    driver_.sent(count, notes);
    if (notes.requests.get() != answered) last_reply_ = coarse_now();
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
served_connection::waits_for served_connection::say_goodbye(std::unique_ptr<input_area>& spare) {
    if (driver_.heard_end()) return waits_for::nothing;
    if (!leaving_) {
        leaving_ = true;
        driver_.wire().end_output();
    }
    if (driver_.mode() == transfer::by_loop) return waits_for::input; // see feed()
    if (!spare) spare = std::make_unique_for_overwrite<input_area>();
    const auto bytes = driver_.wire().read_some(*spare);
    return bytes && bytes->empty() ? waits_for::nothing : waits_for::input;
}

bool served_connection::overdue(time_point now, std::chrono::milliseconds idle_timeout) const {
    if (waits_ == waits_for::work) return false; // another thread is at it
    if (stop_signal::grace_over()) return true;
    if (waits_ == waits_for::time || waits_ == waits_for::others) return false;
    if (leaving_) return now - last_reply_ >= farewell || stop_signal::requested();
    if (idle_timeout.count() > 0 && now - last_reply_ >= idle_timeout) return true;
    return waits_ == waits_for::input && stop_signal::requested() && now - last_heard_ >= stop_signal::quiet;
}

std::chrono::milliseconds served_connection::look_again_after(std::chrono::milliseconds idle_timeout) {
    if (stop_signal::requested()) return stop_signal::nudge_interval;
    return idle_timeout.count() > 0 ? std::min(idle_timeout / 4 + milliseconds{1}, farewell) : farewell;
}

void served_connection::give_up() {
    if (waits_ == waits_for::input && !leaving_ && !stop_signal::grace_over())
        feed({});
    else
        cut_off_ = true;
}

} // namespace parley
