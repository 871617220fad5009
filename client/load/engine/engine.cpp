// The loop opens connections, dispatches requests that are due, waits for events and resumes the sessions that
// can continue. A timeout may be noticed a tenth of a second late, so one scan of all connections per tick
// replaces a timer per connection.
#include "client/load/engine/engine.hpp"

#include "client/conversation/connect.hpp"
#include "common/check.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <system_error>

namespace parley {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds tick = 100ms;
// A later tick means that the thread did not get a CPU. Two other busy programs on its CPU usually delay it by
// less (sched(7)).
constexpr milliseconds tolerated_delay = 20ms;

cpu_time own_cpu_time() {
    rusage used{};
    check("getrusage", [&] { return getrusage(RUSAGE_THREAD, &used); });
    return {duration_of(used.ru_utime), duration_of(used.ru_stime)};
}

/// Returns share number `index` if `total` is divided into `count` shares that differ by at most 1.
std::uint64_t part_of(std::uint64_t total, int index, int count) {
    return total / static_cast<std::uint64_t>(count) +
           (static_cast<std::uint64_t>(index) < total % static_cast<std::uint64_t>(count));
}

/// Calls epoll_pwait2(2), whose timeout is in nanoseconds. Returns the number of events, or -1 after EINTR.
int poll_events(int poll, std::span<epoll_event> events, nanoseconds time_limit) {
    const timespec limit{.tv_sec = static_cast<time_t>(time_limit / 1s), .tv_nsec = (time_limit % 1s).count()};
    const int count = epoll_pwait2(poll, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    if (count < 0 && errno != EINTR) throw_errno("epoll_pwait2");
    return count;
}

} // namespace

engine::engine(const engine_share& share, const load_watch& watch)
    : share_{share},
      options_{share.options},
      watch_{watch},
      connections_(part_of(static_cast<std::uint64_t>(share.options.connections), number(), thread_count())),
      wanted_{connections_.size()},
      connection_profile_{connections_over_time(share.options)},
      all_saturating_{all_saturating(options_)} {
    // The addresses of one name get equal shares of the connections.
    for (std::size_t i = 0; i < connections_.size(); ++i)
        connections_[i].target =
            (i * static_cast<std::size_t>(thread_count()) + static_cast<std::size_t>(number())) %
            std::max<std::size_t>(share.targets.size(), 1);
    if (auto rate = rate_of(options_))
        schedule_.emplace(std::move(*rate), options_.arriving, options_.requests.seed, number(),
                          thread_count());
    poll_ = unique_fd{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    if (share.stop >= 0) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
        check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, share.stop, &event); });
    }
}

// ---- One connection. ----

/// Returns the next source of the same address family; null if the kernel chooses.
const address* engine::source_for(const address& target) {
    for (std::size_t i = 0; i < options_.sources.size(); ++i) {
        const auto& next = options_.sources[next_source_++ % options_.sources.size()];
        if (next.family() == target.family()) return &next;
    }
    return nullptr;
}

void engine::open(load_connection& connection) {
    try {
        connection.since = clock::now();
        if (!connection.trying_since) connection.trying_since = connection.since;
        const auto& target = share_.targets[connection.target];
        connection.socket = begin_connecting(target, source_for(target));
        ++up_;
        connection.interest = EPOLLOUT;
        epoll_event event{.events = connection.interest, .data = {.ptr = &connection}};
        check("epoll_ctl",
              [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event); });
    } catch (const std::system_error& error) {
        // EAGAIN: the backlog of a UNIX socket is full (connect(2)). poll(2) cannot wait for room, so the next
        // check_timeouts() tries again.
        const bool may_wait = error.code() == std::errc::resource_unavailable_try_again &&
                              clock::now() - *connection.trying_since < options_.timeout;
        if (may_wait) {
            connection.socket.reset();
            connection.since = clock::now();
        } else {
            handle_failure(connection, failure_of(error));
        }
    }
}

void engine::finish_connecting(load_connection& connection) {
    end_connecting(connection.socket, share_.targets[connection.target]);
    result_.connecting.record(clock::now() - connection.since);
    if (!share_.tls) return begin_session(connection);
    connection.tls = std::make_unique<tls_stream>(*share_.tls, connection.socket.get());
    connection.handshake_since = clock::now();
    handshake(connection);
}

void engine::handshake(load_connection& connection) {
    switch (connection.tls->shake_hands()) {
    case tls_stream::wants::read: return set_interest(connection, EPOLLIN);
    case tls_stream::wants::write: return set_interest(connection, EPOLLOUT);
    case tls_stream::wants::done: break;
    }
    result_.handshaking.record(clock::now() - connection.handshake_since);
    if (result_.tls.empty()) result_.tls = connection.tls->to_string();
    begin_session(connection);
}

void engine::begin_session(load_connection& connection) {
    const auto now = clock::now();
    note_attempt(connection);
    connection.trying_since.reset();
    connection.targets_tried = 0;
    if (const auto lost_at = std::exchange(connection.lost_at, std::nullopt)) {
        ++result_.reconnected;
        result_.longest_gap = std::max<nanoseconds>(result_.longest_gap, now - *lost_at);
    }
    const auto connection_number = result_.connected++ * static_cast<std::uint64_t>(thread_count()) +
                                   static_cast<std::uint64_t>(number()) + 1;
    connection.client.emplace(share_.with, share_.plan, result_.stats, connection_number,
                              parley::connection{std::move(connection.socket)}, connection.since,
                              &connection.quota, std::move(connection.tls));
}

void engine::handle_event(load_connection& connection) {
    try {
        if (connection.tls)
            handshake(connection);
        else if (connection.socket)
            finish_connecting(connection);
        else if (connection.waits_for_slot)
            return connection.client->check_silence();
    } catch (const std::runtime_error& error) {
        return handle_failure(connection, failure_of(error));
    }
    if (connection.client) resume(connection);
}

void engine::resume(load_connection& connection) {
    try {
        switch (connection.client->resume(buffer_, slot_)) {
        case client_connection::wants::read: return set_interest(connection, EPOLLIN);
        case client_connection::wants::write: return set_interest(connection, EPOLLOUT);
        case client_connection::wants::turn: set_interest(connection, EPOLLIN); return enqueue(connection);
        case client_connection::wants::done: break;
        }
    } catch (const std::runtime_error& error) {
        return handle_failure(connection, failure_of(error));
    }
    close(connection);
    if (result_.stats.requests_left > 0 && connection.quota > 0) open(connection);
}

void engine::enqueue(load_connection& connection) {
    connection.waits_for_slot = true;
    if (!schedule_) {
        // All connections think for the same time, so the queue stays sorted. Before its first request a
        // connection does not think.
        if (connection.client->session().asked() == 0)
            thinking_.emplace_front(clock::now(), &connection);
        else
            thinking_.emplace_back(clock::now() + options_.think, &connection);
    } else if (!std::exchange(connection.is_enqueued, true)) {
        waiting_.push_back(&connection);
    }
}

void engine::dispatch(load_connection& connection, std::optional<clock::time_point> due) {
    connection.waits_for_slot = false;
    connection.client->begin_turn(due);
    resume(connection);
}

void engine::close(load_connection& connection) {
    connection.note_progress();
    if (connection.is_up()) --up_;
    connection.waits_for_slot = false;
    connection.tls.reset();
    connection.socket.reset();
    connection.replies_before = connection.replies();
    connection.client.reset();
}

void engine::handle_failure(load_connection& connection, const failure& failure) {
    const bool had_session = connection.client.has_value();
    const bool was_handshaking = connection.tls != nullptr;
    if (had_session && connection.client->session().replies() > 0)
        connection.pause = load_connection::shortest_pause;
    if (had_session && !connection.lost_at) connection.lost_at = clock::now();
    // In a pipeline only the first request without a reply is judged wrong. The replies to the requests behind
    // it cannot be told from garbage.
    if (const auto in_flight = connection.unanswered(); in_flight > 0 && failure.where == phase::verify) {
        result_.stats.all_wrong += failure.cause != "lost";
        result_.stats.all_given_up += in_flight - 1;
    }
    close(connection);
    if (!had_session && !was_handshaking && ++connection.targets_tried < share_.targets.size()) {
        connection.target = (connection.target + 1) % share_.targets.size();
        return open(connection);
    }
    result_.stats.errors.add(failure);
    note_attempt(connection);
    connection.trying_since.reset();
    connection.targets_tried = 0;
    connection.since = clock::now() + connection.pause;
    connection.pause = std::min(connection.pause * 2, load_connection::longest_pause);
    // A single refusal may be chance: a server that restarts, a full backlog.
    if (result_.connected == 0 && attempted_ == connections_.size())
        end_counting(ending::connect_failed, clock::now());
}

void engine::note_attempt(load_connection& connection) {
    if (!std::exchange(connection.was_attempted, true)) ++attempted_;
}

void engine::set_interest(load_connection& connection, std::uint32_t events) {
    if (std::exchange(connection.interest, events) == events) return;
    epoll_event event{.events = events, .data = {.ptr = &connection}};
    check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_MOD, connection.descriptor(), &event); });
}

/// Closes the connection if it exceeds the timeout, and opens it again after its pause.
void engine::check_timeouts(load_connection& connection, clock::time_point now) {
    if (connection.socket) {
        if (now - connection.since > options_.timeout)
            handle_failure(connection, connection.tls ? late_to_shake_hands(options_.timeout)
                                                      : late_to_connect(share_.targets[connection.target],
                                                                        options_.timeout));
    } else if (connection.client) {
        if (!connection.waits_for_slot && now > connection.client->deadline(options_.timeout)) {
            connection.client->session().abandon(now);
            handle_failure(connection, connection.client->late(options_.timeout));
        }
    } else if (now >= connection.since && result_.stats.requests_left > 0 && connection.quota > 0) {
        open(connection);
    }
}

// ---- All connections. ----

/// Opens a part of the connections, so that those that are open do not wait for the rest.
void engine::open_some(clock::time_point now) {
    // A larger batch would delay the replies of the connections that are open.
    std::size_t most = opened_ + 64;
    if (options_.connect_rate) {
        const std::chrono::duration<double> elapsed = now - created_;
        most = std::min(
            most, 1 + static_cast<std::size_t>(elapsed.count() * *options_.connect_rate / thread_count()));
    }
    while (opened_ < std::min(most, wanted()) && result_.stats.requests_left > 0)
        if (auto& next = connections_[opened_++]; next.quota > 0) open(next);
}

/// Returns the connection that has been idle longest; null if all are busy.
load_connection* engine::next_waiting() {
    while (!waiting_.empty()) {
        load_connection* const first = waiting_.front();
        waiting_.pop_front();
        first->is_enqueued = false;
        if (first->waits_for_slot) return first;
    }
    return nullptr;
}

void engine::dispatch_due(clock::time_point now) {
    if (result_.stats.requests_left == 0 || !has_begun()) return;
    while (!has_ended_ && schedule_ && result_.stats.requests_left > 0 && schedule_->next() &&
           begun_ + *schedule_->next() <= now) {
        const auto due = begun_ + *schedule_->next();
        load_connection* const first = next_waiting();
        if (!first) break;
        schedule_->take();
        if (due >= result_.stats.from) ++result_.due;
        dispatch(*first, due);
        if (has_ended_) return;
    }
    while (!thinking_.empty() && thinking_.front().first <= now) {
        load_connection* const connection = thinking_.front().second;
        thinking_.pop_front();
        if (connection->waits_for_slot) dispatch(*connection);
    }
}

engine::clock::time_point engine::next_event() const {
    auto next = next_tick_;
    if (!has_begun()) return std::min(next, clock::now() + 1ms);
    if (!is_counting_) next = std::min(next, result_.stats.from);
    if (!has_ended_) next = std::min(next, result_.stats.until);
    if (is_counting_ && !has_ended_) next = std::min(next, interval_end());
    if (cool_down_end_) next = std::min(next, *cool_down_end_);
    if (schedule_ && schedule_->next() && !waiting_.empty()) next = std::min(next, begun_ + *schedule_->next());
    if (!thinking_.empty()) next = std::min(next, thinking_.front().first);
    return next;
}

void engine::wait_for_events() {
    auto time_limit = next_event() - clock::now();
    if (!all_opened()) time_limit = options_.connect_rate ? std::min<clock::duration>(time_limit, 1ms) : 0ns;
    std::array<epoll_event, 256> events;
    const int count = poll_events(poll_.get(), events, std::clamp<nanoseconds>(time_limit, 0ns, tick));
    for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<load_connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (!connection)
            interrupt();
        else if (connection->is_up())
            handle_event(*connection);
    }
}

void engine::interrupt() {
    check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_DEL, share_.stop, nullptr); });
    end_counting(ending::interrupted, clock::now());
    stop_requests(); // also ends a cool-down
}

void engine::begin(clock::time_point start) {
    auto& stats = result_.stats;
    begun_ = start;
    stats.from = begun_ + warm_up_of(options_);
    if (const auto duration = duration_of(options_)) stats.until = begun_ + *duration;
}

void engine::advance_to(clock::time_point now) {
    const auto& stats = result_.stats;
    if (!has_begun() && !has_ended_)
        if (const auto start = share_.start.when()) begin(*start);
    if (has_begun()) {
        if (!is_counting_ && now >= stats.from) {
            is_counting_ = true;
            cpu_before_ = own_cpu_time();
            sample_throughput(now);
            for (auto& connection : connections_) connection.replies_uncounted = connection.replies();
            asked_before_ = stats.all_asked;
            errors_before_ = stats.errors.count();
        }
        while (is_counting_ && !has_ended_ && now >= interval_end() && interval_end() < stats.until)
            end_interval(interval_end());
        if (now >= stats.until) end_counting(ending::time_over, stats.until);
        if (cool_down_end_ && now >= *cool_down_end_) stop_requests();
    }
    if (stats.requests_left == 0) drain();
    if (now < next_tick_) return;

    // A thread that gets a CPU reads the clock within some milliseconds of each tick.
    if (is_counting_ && !has_ended_ && now - next_tick_ > tolerated_delay)
        result_.starved += now - next_tick_ - tolerated_delay;
    next_tick_ = now + tick;
    if (connection_profile_ && has_begun()) follow_profile(now);
    for (std::size_t i = 0; i < opened_; ++i) check_timeouts(connections_[i], now);
    const auto without_reply = now - std::max(created_, stats.latest);
    if (options_.total && stats.requests_left > 0 &&
        without_reply > 2 * (options_.timeout + share_.plan.least_time) + options_.think && !schedule_)
        end_counting(ending::no_progress, now);
    if (is_counting_ && !has_ended_) sample_throughput(now);
    if (!watch_) return;
    if (is_counting_ && !has_ended_) sample_cpu(now);
    watch_(now - created_, result_);
}

/// Opens or closes connections to match the profile. A surplus connection finishes its request first.
void engine::follow_profile(clock::time_point now) {
    const auto total = static_cast<std::uint64_t>(std::llround(connection_profile_->at(now - begun_)));
    wanted_ = part_of(total, number(), thread_count());
    for (std::size_t i = 0; i < opened_; ++i) {
        auto& connection = connections_[i];
        connection.quota = i < wanted_ ? std::numeric_limits<std::uint64_t>::max() : 0;
        if (connection.quota == 0 && connection.waits_for_slot) dispatch(connection);
    }
}

engine::clock::time_point engine::interval_end() const {
    return result_.stats.from + (interval_number_ + 1) * share_.collector.length();
}

void engine::end_interval(clock::time_point end) {
    const auto& stats = result_.stats;
    interval_.begin = interval_number_ * share_.collector.length();
    interval_.length = end - stats.from - interval_.begin;
    const auto asked = std::min(stats.all_asked, asked_at_end_); // without the cool-down
    interval_.asked = asked - std::exchange(asked_before_, asked);
    interval_.errors = stats.errors.count() - std::exchange(errors_before_, stats.errors.count());
    share_.collector.deliver(interval_number_++, interval_);
    interval_ = {};
}

void engine::sample_throughput(clock::time_point now) {
    const auto& times = result_.stats.latency;
    const std::chrono::duration<double> mean = times.mean();
    result_.throughput.push_back(
        {now - result_.stats.from, times.count(), mean.count() * static_cast<double>(times.count())});
}

/// Records the elapsed time and the CPU time since the end of the warm-up.
void engine::sample_cpu(clock::time_point now) {
    result_.counted = std::max<clock::duration>(now - result_.stats.from, 0s);
    const auto after = own_cpu_time();
    result_.used = {after.user - cpu_before_.user, after.system - cpu_before_.system};
    if (result_.counted > tick)
        result_.max_thread_cpu =
            in_seconds(result_.used.user + result_.used.system) / in_seconds(result_.counted);
}

/// Closes connections that are still connecting, and lets idle ones end, because no request is left.
void engine::drain() {
    if (std::exchange(is_draining_, true)) return;
    opened_ = std::max(opened_, wanted());
    for (auto& connection : connections_) {
        if (connection.socket) close(connection);
        if (connection.waits_for_slot) dispatch(connection);
    }
}

/// Counts the requests that were due and never sent, with the time that they waited.
void engine::count_never_sent() {
    if (!schedule_ || !has_begun()) return;
    for (auto next = schedule_->next(); next && begun_ + *next < result_.stats.until;
         next = schedule_->next()) {
        schedule_->take();
        if (begun_ + *next < result_.stats.from) continue;
        ++result_.due;
        ++result_.never_sent;
        result_.stats.enter_unanswered(begun_ + *next, std::nullopt, result_.stats.until);
    }
}

/// Ends the counted time. Only requests in flight may still add to the figures.
void engine::end_counting(ending ending, clock::time_point now) {
    if (std::exchange(has_ended_, true)) return;
    auto& stats = result_.stats;
    if (!has_begun()) begin(now);
    stats.until = now;
    asked_at_end_ = stats.all_asked;
    result_.end = ending;
    if (ending != ending::requests_done) count_never_sent();
    if (is_counting_) sample_cpu(now);
    for (auto& connection : connections_) {
        if (all_saturating_) result_.shares.push_back(connection.replies() - connection.replies_uncounted);
        connection.note_progress();
        if (connection.has_reply)
            ++result_.served;
        else if (connection.has_requested)
            ++result_.unanswered;
    }
    if (ending == ending::time_over && options_.cool_down.count() > 0)
        cool_down_end_ = now + options_.cool_down;
    else
        stop_requests();
}

/// Prevents new requests. Connections that never had a reply are closed, the others may finish theirs.
void engine::stop_requests() {
    cool_down_end_.reset();
    auto& stats = result_.stats;
    stats.requests_left = 0;
    for (auto& connection : connections_) {
        if (connection.has_reply) continue;
        if (connection.client) connection.client->session().abandon(stats.until);
        stats.all_given_up += connection.unanswered();
        close(connection);
    }
}

load_result engine::run() {
    auto& stats = result_.stats;
    stats.recent = &interval_.latency;
    stats.has_schedule = schedule_.has_value();
    stats.expected_interval = options_.expected_interval;
    if (duration_of(options_)) stats.from = clock::time_point::max(); // counts nothing before begin()
    if (const auto total = options_.total) {
        const auto share = part_of(*total, number(), thread_count());
        stats.requests_left = share;
        // In a closed loop each connection has its share. In an open loop any free connection takes the next.
        for (std::size_t i = 0; !schedule_ && i < connections_.size(); ++i)
            connections_[i].quota = part_of(share, static_cast<int>(i), static_cast<int>(connections_.size()));
    }
    // With --connect-rate, opening connections is part of the load. Otherwise the load begins once all are
    // open.
    const bool waits_for_all = duration_of(options_) && !options_.connect_rate && !connection_profile_;
    if (connection_profile_)
        wanted_ = part_of(static_cast<std::uint64_t>(std::llround(connection_profile_->at(0ns))), number(),
                          thread_count());
    bool is_ready = false;
    while (!is_over()) {
        const auto now = clock::now();
        if (!is_ready &&
            (!waits_for_all || attempted_ == connections_.size() || now - created_ > options_.timeout)) {
            share_.start.ready();
            is_ready = true;
        }
        open_some(now);
        dispatch_due(now);
        wait_for_events();
        advance_to(clock::now());
    }
    if (!is_ready) share_.start.ready();
    end_counting(ending::requests_done, std::max(stats.latest, stats.from));
    for (auto& connection : connections_) stats.all_given_up += connection.unanswered();
    if (is_counting_) end_interval(stats.until); // includes the replies that were in flight
    share_.collector.leave(interval_number_);
    stats.recent = nullptr;
    return std::move(result_);
}

} // namespace parley
