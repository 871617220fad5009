// The loop: open what is to be opened, give turns to who waits for them, wait, carry each conversation on that
// can go on. A tenth of a second is precise enough for whatever is late, so a look at all connections replaces
// a timer for each.
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
constexpr milliseconds tolerated_delay =
    20ms; // two busy programs beside it cost a thread no more, as a rule (sched(7))

cpu_time own_cpu_time() {
    rusage used{};
    check("getrusage", [&] { return getrusage(RUSAGE_THREAD, &used); });
    return {duration_of(used.ru_utime), duration_of(used.ru_stime)};
}

/// The part of `all` that is this thread's, or this connection's, where all get as equal ones as possible.
std::uint64_t part_of(std::uint64_t all, int which, int of) {
    return all / static_cast<std::uint64_t>(of) +
           (static_cast<std::uint64_t>(which) < all % static_cast<std::uint64_t>(of));
}

/// epoll_wait(2), to the nanosecond.
int wait_for_events(int poll, std::span<epoll_event> events, nanoseconds time_limit) {
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
      connections_(part_of(static_cast<std::uint64_t>(share.options.connections), number(), of_all())),
      wanted_{connections_.size()},
      connection_profile_{connections_over_time(share.options)},
      all_saturating_{all_saturating(options_)} {
    // The addresses of one name have equal parts of the connections.
    for (std::size_t each = 0; each < connections_.size(); ++each)
        connections_[each].target =
            (each * static_cast<std::size_t>(of_all()) + static_cast<std::size_t>(number())) %
            std::max<std::size_t>(share.targets.size(), 1);
    if (auto rate = rate_of(options_))
        schedule_.emplace(std::move(*rate), options_.arriving, options_.requests.seed, number(), of_all());
    poll_ = unique_fd{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    if (share.stop >= 0) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
        check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, share.stop, &event); });
    }
}

// ---- One caller. ----

/// The next one of the same family.
const address* engine::source_for(const address& target) {
    for (std::size_t tried = 0; tried < options_.sources.size(); ++tried) {
        const auto& next = options_.sources[next_source_++ % options_.sources.size()];
        if (next.family() == target.family()) return &next;
    }
    return nullptr;
}

void engine::open(load_connection& who) {
    try {
        who.since = clock::now();
        if (!who.trying_since) who.trying_since = who.since;
        const auto& target = share_.targets[who.target];
        who.socket = begin_connecting(target, source_for(target));
        ++up_;
        who.interest = EPOLLOUT;
        epoll_event event{.events = who.interest, .data = {.ptr = &who}};
        check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, who.socket.get(), &event); });
    } catch (const std::system_error& error) {
        // The queue of a UNIX socket is full (connect(2)): there is no other way to wait for room.
        const bool may_wait = error.code() == std::errc::resource_unavailable_try_again &&
                              clock::now() - *who.trying_since < options_.timeout;
        if (may_wait) {
            who.socket.reset();
            who.since = clock::now();
        } else {
            failed(who, failure_of(error));
        }
    }
}

void engine::connected(load_connection& who) {
    end_connecting(who.socket, share_.targets[who.target]);
    result_.connecting.record(clock::now() - who.since);
    if (!share_.tls) return begin_talk(who);
    who.tls = std::make_unique<tls_wire>(*share_.tls, who.socket.get());
    who.handshake_since = clock::now();
    shake_hands(who);
}

void engine::shake_hands(load_connection& who) {
    switch (who.tls->shake_hands()) {
    case tls_wire::wants::read: return watch_for(who, EPOLLIN);
    case tls_wire::wants::write: return watch_for(who, EPOLLOUT);
    case tls_wire::wants::done: break;
    }
    result_.handshaking.record(clock::now() - who.handshake_since);
    if (result_.tls.empty()) result_.tls = who.tls->to_string();
    begin_talk(who);
}

void engine::begin_talk(load_connection& who) {
    const auto now = clock::now();
    tried(who);
    who.trying_since.reset();
    who.targets_tried = 0;
    if (const auto lost = std::exchange(who.lost, std::nullopt)) {
        ++result_.reconnected;
        result_.longest_gap = std::max<nanoseconds>(result_.longest_gap, now - *lost);
    }
    const auto its_number =
        result_.connected++ * static_cast<std::uint64_t>(of_all()) + static_cast<std::uint64_t>(number()) + 1;
    who.talking.emplace(share_.with, share_.plan, result_.stats, its_number, connection{std::move(who.socket)},
                        who.since, &who.quota, std::move(who.tls));
}

void engine::heard_from(load_connection& who) {
    try {
        if (who.tls)
            shake_hands(who);
        else if (who.socket)
            connected(who);
        else if (who.waits_for_slot)
            return who.talking->check_silence();
    } catch (const std::runtime_error& error) {
        return failed(who, failure_of(error));
    }
    if (who.talking) resume(who);
}

void engine::resume(load_connection& who) {
    try {
        switch (who.talking->resume(buffer_, notes_)) {
        case client_connection::wants::read: return watch_for(who, EPOLLIN);
        case client_connection::wants::write: return watch_for(who, EPOLLOUT);
        case client_connection::wants::turn: watch_for(who, EPOLLIN); return enqueue(who);
        case client_connection::wants::done: break;
        }
    } catch (const std::runtime_error& error) {
        return failed(who, failure_of(error));
    }
    close(who);
    if (result_.stats.requests_left > 0 && who.quota > 0) open(who);
}

void engine::enqueue(load_connection& who) {
    who.waits_for_slot = true;
    if (!schedule_) {
        // Thinking takes the same time for all, so who begins last ends last; only the first time there is
        // none.
        if (who.talking->session().asked() == 0)
            thinking_.emplace_front(clock::now(), &who);
        else
            thinking_.emplace_back(clock::now() + options_.think, &who);
    } else if (!std::exchange(who.is_in_line, true)) {
        waiting_.push_back(&who);
    }
}

void engine::dispatch(load_connection& who, std::optional<clock::time_point> due) {
    who.waits_for_slot = false;
    who.talking->begin_turn(due);
    resume(who);
}

void engine::close(load_connection& who) {
    who.note_progress();
    if (who.is_up()) --up_;
    who.waits_for_slot = false;
    who.tls.reset();
    who.socket.reset();
    who.answers_before = who.answers();
    who.talking.reset();
}

void engine::failed(load_connection& who, const failure& why) {
    const bool has_talked = who.talking.has_value();
    const bool shook_hands = who.tls != nullptr;
    if (has_talked && who.talking->session().answers() > 0) who.pause = load_connection::shortest_pause;
    if (has_talked && !who.lost) who.lost = clock::now();
    // Of requests that were sent at once, the first one got the wrong answer, and what comes then is not
    // judged.
    if (const auto open_ones = who.unanswered(); open_ones > 0 && why.where == phase::verify) {
        result_.stats.all_wrong += why.cause != "lost";
        result_.stats.all_given_up += open_ones - 1;
    }
    close(who);
    if (!has_talked && !shook_hands && ++who.targets_tried < share_.targets.size()) {
        who.target = (who.target + 1) % share_.targets.size();
        return open(who);
    }
    result_.stats.errors.add(why);
    tried(who);
    who.trying_since.reset();
    who.targets_tried = 0;
    who.since = clock::now() + who.pause;
    who.pause = std::min(who.pause * 2, load_connection::longest_pause);
    // One refusal may be chance: a server that is being started again, a full queue.
    if (result_.connected == 0 && tried_ == connections_.size())
        end_counting(ending::connect_failed, clock::now());
}

void engine::tried(load_connection& who) {
    if (!std::exchange(who.tried, true)) ++tried_;
}

void engine::watch_for(load_connection& who, std::uint32_t events) {
    if (std::exchange(who.interest, events) == events) return;
    epoll_event event{.events = events, .data = {.ptr = &who}};
    check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_MOD, who.descriptor(), &event); });
}

/// Gives up what takes too long, and brings up what was down long enough.
void engine::look_after(load_connection& who, clock::time_point now) {
    if (who.socket) {
        if (now - who.since > options_.timeout)
            failed(who, who.tls ? late_to_shake_hands(options_.timeout)
                                : late_to_connect(share_.targets[who.target], options_.timeout));
    } else if (who.talking) {
        if (!who.waits_for_slot && now > who.talking->deadline(options_.timeout)) {
            who.talking->session().abandon(now);
            failed(who, who.talking->late(options_.timeout));
        }
    } else if (now >= who.since && result_.stats.requests_left > 0 && who.quota > 0) {
        open(who);
    }
}

// ---- All of them. ----

/// A part at a time, so that those already open do not wait for the rest.
void engine::open_some(clock::time_point now) {
    std::size_t most = opened_ + 64;
    if (options_.connect_rate) {
        const std::chrono::duration<double> since = now - came_;
        most = std::min(most, 1 + static_cast<std::size_t>(since.count() * *options_.connect_rate / of_all()));
    }
    while (opened_ < std::min(most, wanted()) && result_.stats.requests_left > 0)
        if (auto& next = connections_[opened_++]; next.quota > 0) open(next);
}

load_connection* engine::next_in_line() {
    while (!waiting_.empty()) {
        load_connection* const first = waiting_.front();
        waiting_.pop_front();
        first->is_in_line = false;
        if (first->waits_for_slot) return first;
    }
    return nullptr;
}

void engine::give_turns(clock::time_point now) {
    if (result_.stats.requests_left == 0 || !has_begun()) return;
    while (!ended_ && schedule_ && result_.stats.requests_left > 0 && schedule_->next() &&
           begun_ + *schedule_->next() <= now) {
        const auto due = begun_ + *schedule_->next();
        load_connection* const first = next_in_line();
        if (!first) break;
        schedule_->take();
        if (due >= result_.stats.from) ++result_.due;
        dispatch(*first, due);
        if (ended_) return;
    }
    while (!thinking_.empty() && thinking_.front().first <= now) {
        load_connection* const who = thinking_.front().second;
        thinking_.pop_front();
        if (who->waits_for_slot) dispatch(*who);
    }
}

engine::clock::time_point engine::next_event() const {
    auto next = next_tick_;
    if (!has_begun()) return std::min(next, clock::now() + 1ms);
    if (!counting_) next = std::min(next, result_.stats.from);
    if (!ended_) next = std::min(next, result_.stats.until);
    if (counting_ && !ended_) next = std::min(next, interval_end());
    if (leave_at_) next = std::min(next, *leave_at_);
    if (schedule_ && schedule_->next() && !waiting_.empty()) next = std::min(next, begun_ + *schedule_->next());
    if (!thinking_.empty()) next = std::min(next, thinking_.front().first);
    return next;
}

void engine::wait_and_go_on() {
    auto time_limit = next_event() - clock::now();
    if (!all_opened()) time_limit = options_.connect_rate ? std::min<clock::duration>(time_limit, 1ms) : 0ns;
    std::array<epoll_event, 256> events;
    const int count = wait_for_events(poll_.get(), events, std::clamp<nanoseconds>(time_limit, 0ns, tick));
    for (int each = 0; each < count; ++each) {
        auto* who = static_cast<load_connection*>(events[static_cast<std::size_t>(each)].data.ptr);
        if (!who)
            interrupt();
        else if (who->is_up())
            heard_from(*who);
    }
}

void engine::interrupt() {
    check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_DEL, share_.stop, nullptr); });
    end_counting(ending::interrupted, clock::now());
    leave(); // also from the cool-down
}

void engine::begin(clock::time_point when) {
    auto& stats = result_.stats;
    begun_ = when;
    stats.from = begun_ + warm_up_of(options_);
    if (const auto duration = duration_of(options_)) stats.until = begun_ + *duration;
}

void engine::pass_time(clock::time_point now) {
    const auto& stats = result_.stats;
    if (!has_begun() && !ended_)
        if (const auto start = share_.start.when()) begin(*start);
    if (has_begun()) {
        if (!counting_ && now >= stats.from) {
            counting_ = true;
            cpu_before_ = own_cpu_time();
            note_moment(now);
            for (auto& each : connections_) each.answers_uncounted = each.answers();
            asked_before_ = stats.all_asked;
            errors_before_ = stats.errors.count();
        }
        while (counting_ && !ended_ && now >= interval_end() && interval_end() < stats.until)
            end_interval(interval_end());
        if (now >= stats.until) end_counting(ending::time_over, stats.until);
        if (leave_at_ && now >= *leave_at_) leave();
    }
    if (stats.requests_left == 0) wind_up();
    if (now < next_tick_) return;

    // A thread that gets a processor looks at the clock within some milliseconds of each tick.
    if (counting_ && !ended_ && now - next_tick_ > tolerated_delay)
        result_.starved += now - next_tick_ - tolerated_delay;
    next_tick_ = now + tick;
    if (connection_profile_ && has_begun()) follow_stages(now);
    for (std::size_t each = 0; each < opened_; ++each) look_after(connections_[each], now);
    const auto without_answer = now - std::max(came_, stats.latest);
    if (options_.total && stats.requests_left > 0 &&
        without_answer > 2 * (options_.timeout + share_.plan.least_time) + options_.think && !schedule_)
        end_counting(ending::no_progress, now);
    if (counting_ && !ended_) note_moment(now);
    if (!watch_) return;
    if (counting_ && !ended_) note_use(now);
    watch_(now - came_, result_);
}

/// Those who are too many ask nothing more and leave; those who are missing come.
void engine::follow_stages(clock::time_point now) {
    const auto all = static_cast<std::uint64_t>(std::llround(connection_profile_->at(now - begun_)));
    wanted_ = part_of(all, number(), of_all());
    for (std::size_t each = 0; each < opened_; ++each) {
        auto& who = connections_[each];
        who.quota = each < wanted_ ? std::numeric_limits<std::uint64_t>::max() : 0;
        if (who.quota == 0 && who.waits_for_slot) dispatch(who);
    }
}

engine::clock::time_point engine::interval_end() const {
    return result_.stats.from + (interval_ + 1) * share_.cut.length();
}

void engine::end_interval(clock::time_point at) {
    const auto& stats = result_.stats;
    part_.begin = interval_ * share_.cut.length();
    part_.length = at - stats.from - part_.begin;
    const auto asked = std::min(stats.all_asked, asked_at_end_); // without the cool-down
    part_.asked = asked - std::exchange(asked_before_, asked);
    part_.errors = stats.errors.count() - std::exchange(errors_before_, stats.errors.count());
    share_.cut.deliver(interval_++, part_);
    part_ = {};
}

void engine::note_moment(clock::time_point now) {
    const auto& times = result_.stats.latency;
    const std::chrono::duration<double> mean = times.mean();
    result_.throughput.push_back(
        {now - result_.stats.from, times.count(), mean.count() * static_cast<double>(times.count())});
}

/// Time and processor time since the counting began.
void engine::note_use(clock::time_point now) {
    result_.counted = std::max<clock::duration>(now - result_.stats.from, 0s);
    const auto after = own_cpu_time();
    result_.used = {after.user - cpu_before_.user, after.system - cpu_before_.system};
    if (result_.counted > tick)
        result_.max_thread_cpu =
            in_seconds(result_.used.user + result_.used.system) / in_seconds(result_.counted);
}

/// Nothing more will be asked, so nobody else needs to come, and nobody needs to wait.
void engine::wind_up() {
    if (std::exchange(winding_up_, true)) return;
    opened_ = std::max(opened_, wanted());
    for (auto& each : connections_) {
        if (each.socket) close(each);
        if (each.waits_for_slot) dispatch(each);
    }
}

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

/// The figures are complete, except for what is still in flight.
void engine::end_counting(ending how, clock::time_point now) {
    if (std::exchange(ended_, true)) return;
    auto& stats = result_.stats;
    if (!has_begun()) begin(now);
    stats.until = now;
    asked_at_end_ = stats.all_asked;
    result_.end = how;
    if (how != ending::requests_done) count_never_sent();
    if (counting_) note_use(now);
    for (auto& each : connections_) {
        if (all_saturating_) result_.shares.push_back(each.answers() - each.answers_uncounted);
        each.note_progress();
        if (each.ever_answered)
            ++result_.served;
        else if (each.ever_asked)
            ++result_.unanswered;
    }
    if (how == ending::time_over && options_.cool_down.count() > 0)
        leave_at_ = now + options_.cool_down;
    else
        leave();
}

/// No request begins any more. Connections that were never answered need not be waited for.
void engine::leave() {
    leave_at_.reset();
    auto& stats = result_.stats;
    stats.requests_left = 0;
    for (auto& each : connections_) {
        if (each.ever_answered) continue;
        if (each.talking) each.talking->session().abandon(stats.until);
        stats.all_given_up += each.unanswered();
        close(each);
    }
}

load_result engine::run() {
    auto& stats = result_.stats;
    stats.recent = &part_.latency;
    stats.has_schedule = schedule_.has_value();
    stats.expected_interval = options_.expected_interval;
    if (duration_of(options_)) stats.from = clock::time_point::max(); // until it begins, nothing counts
    if (const auto total = options_.total) {
        const auto here = part_of(*total, number(), of_all());
        stats.requests_left = here;
        // In a closed loop each connection has its part; in an open one whoever is free takes the next.
        for (std::size_t each = 0; !schedule_ && each < connections_.size(); ++each)
            connections_[each].quota =
                part_of(here, static_cast<int>(each), static_cast<int>(connections_.size()));
    }
    // Connections that come little by little are part of the load; else it begins when all have come.
    const bool gathers = duration_of(options_) && !options_.connect_rate && !connection_profile_;
    if (connection_profile_)
        wanted_ =
            part_of(static_cast<std::uint64_t>(std::llround(connection_profile_->at(0ns))), number(), of_all());
    bool is_ready = false;
    while (!is_over()) {
        const auto now = clock::now();
        if (!is_ready && (!gathers || tried_ == connections_.size() || now - came_ > options_.timeout)) {
            share_.start.ready();
            is_ready = true;
        }
        open_some(now);
        give_turns(now);
        wait_and_go_on();
        pass_time(clock::now());
    }
    if (!is_ready) share_.start.ready();
    end_counting(ending::requests_done, std::max(stats.latest, stats.from));
    for (auto& each : connections_) stats.all_given_up += each.unanswered();
    if (counting_) end_interval(stats.until); // with the answers that were still in flight
    share_.cut.leave(interval_);
    stats.recent = nullptr;
    return std::move(result_);
}

} // namespace parley
