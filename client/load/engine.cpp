// The loop: open what is to be opened, wait, carry each conversation on that can go on. A tenth of a second
// is precise enough for whatever is late, so a look at all connections replaces a timer for each.
#include "client/load/engine.hpp"

#include "client/connect.hpp"
#include "client/dialogue.hpp"
#include "common/check.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <fmt/format.h>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <system_error>
#include <vector>

namespace parley {

namespace {

using namespace std::chrono_literals;
using clock = ledger::clock;
using std::chrono::milliseconds;

constexpr milliseconds tick = 100ms;
constexpr milliseconds shortest_pause = 50ms; // before a connection that failed is made again; then doubled
constexpr milliseconds longest_pause = 1s;

cpu_time own_cpu_time() {
    rusage used{};
    check("getrusage", [&] { return getrusage(RUSAGE_THREAD, &used); });
    const auto micros = [](const timeval& time) {
        return 1s * time.tv_sec + std::chrono::microseconds{time.tv_usec};
    };
    return {micros(used.ru_utime), micros(used.ru_stime)};
}

/// Raises our soft limit of descriptors as far as needed and allowed (getrlimit(2)).
void make_room_for(int connections) {
    constexpr rlim_t others = 32; // the terminal, the report, epoll ...
    const auto needed = static_cast<rlim_t>(connections) + others;
    rlimit limit{};
    check("getrlimit", [&] { return getrlimit(RLIMIT_NOFILE, &limit); });
    if (limit.rlim_cur >= needed) return;
    if (limit.rlim_max < needed)
        throw std::runtime_error(
            fmt::format("{} connections need {} descriptors, and this process may have {}: "
                        "raise the hard limit (ulimit -Hn, limits.conf(5))",
                        connections, needed, limit.rlim_max));
    limit.rlim_cur = needed;
    check("setrlimit", [&] { return setrlimit(RLIMIT_NOFILE, &limit); });
}

/// One of the connections at a time: it connects, talks, and comes again.
struct caller {
    std::size_t target = 0;    // which of the target's addresses it tries
    unique_fd socket;          // while it connects
    clock::time_point since{}; // when it began to connect; while it is down: when it may again
    std::optional<dialogue> talking;
    std::uint32_t interest = 0; // the events that epoll watches for
    milliseconds pause = shortest_pause;
    bool ever_asked = false;
    bool ever_answered = false;

    [[nodiscard]] bool is_up() const { return socket || talking; }
    void note_progress() {
        if (!talking) return;
        ever_asked |= talking->talk().asked() > 0;
        ever_answered |= talking->talk().answers() > 0;
    }
};

class engine {
public:
    engine(const load_options& options, int stop, const load_watch& watch);
    load_result run();

private:
    // ---- One caller. ----
    void open(caller& who);
    void connected(caller& who);
    void go_on(caller& who);
    void close(caller& who);
    void failed(caller& who, const failure& why);
    void watch_for(caller& who, std::uint32_t events);
    void look_after(caller& who, clock::time_point now);

    // ---- All of them. ----
    void open_some();
    void wait_and_go_on();
    void pass_time(clock::time_point now);
    void note_moment(clock::time_point now);
    void stop_connecting();
    void interrupt();
    void end_counting(ending how, clock::time_point now);
    bool all_opened() const { return opened_ == callers_.size(); }
    bool is_over() const { return result_.book.requests_left == 0 && up_ == 0; }

    const load_options& options_;
    const conversation& with_;
    request_plan plan_;
    std::vector<address> targets_;
    int stop_;
    const load_watch& watch_;

    unique_fd poll_;
    std::unique_ptr<input_area> spare_;
    slot notes_{};               // the driver's, which nobody reads here
    std::deque<caller> callers_; // each stays where it is: epoll knows it by its address
    std::size_t opened_ = 0;     // so many of them have been opened for the first time
    int up_ = 0;                 // so many are up now
    bool counting_ = false;      // the warm-up is over
    bool ended_ = false;
    clock::time_point begun_{};
    clock::time_point next_tick_{};
    cpu_time cpu_before_{};
    kernel_counters network_before_ = kernel_counters::now();
    load_result result_;
};

engine::engine(const load_options& options, int stop, const load_watch& watch)
    : options_{options},
      with_{conversation_with(options.service)},
      plan_{plan_requests(with_, options.requests)},
      targets_{address::resolve(options.target)},
      stop_{stop},
      watch_{watch},
      callers_(static_cast<std::size_t>(options.connections)) {
    poll_ = unique_fd{check("epoll_create1", [] { return epoll_create1(EPOLL_CLOEXEC); })};
    if (stop_ >= 0) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
        check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, stop_, &event); });
    }
}

// ---- One caller. ----

void engine::open(caller& who) {
    try {
        who.since = clock::now();
        who.socket = begin_connecting(targets_[who.target]);
        ++up_;
        who.interest = EPOLLOUT;
        epoll_event event{.events = who.interest, .data = {.ptr = &who}};
        check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_ADD, who.socket.get(), &event); });
    } catch (const std::system_error& error) {
        failed(who, failure_of(error));
    }
}

void engine::connected(caller& who) {
    end_connecting(who.socket, targets_[who.target]);
    result_.connecting.record(clock::now() - who.since);
    who.talking.emplace(with_, plan_, result_.book, ++result_.connected, connection{std::move(who.socket)},
                        who.since);
}

void engine::go_on(caller& who) {
    try {
        if (who.socket) connected(who);
        switch (who.talking->go_on(spare_, notes_)) {
        case dialogue::waits_for::input: return watch_for(who, EPOLLIN);
        case dialogue::waits_for::room: return watch_for(who, EPOLLOUT);
        case dialogue::waits_for::nothing: break;
        }
    } catch (const std::runtime_error& error) {
        return failed(who, failure_of(error));
    }
    close(who);
    if (result_.book.requests_left > 0) open(who);
}

void engine::close(caller& who) {
    who.note_progress();
    if (who.is_up()) --up_;
    who.socket.reset();
    who.talking.reset();
}

void engine::failed(caller& who, const failure& why) {
    const bool has_talked = who.talking.has_value();
    if (has_talked && who.talking->talk().answers() > 0) who.pause = shortest_pause;
    close(who);
    if (!has_talked && who.target + 1 < targets_.size()) {
        ++who.target;
        return open(who);
    }
    result_.book.errors.add(why);
    who.target = 0;
    who.since = clock::now() + who.pause;
    who.pause = std::min(who.pause * 2, longest_pause);
    if (result_.connected == 0) end_counting(ending::nobody_there, clock::now());
}

void engine::watch_for(caller& who, std::uint32_t events) {
    if (std::exchange(who.interest, events) == events) return;
    epoll_event event{.events = events, .data = {.ptr = &who}};
    check("epoll_ctl",
          [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_MOD, who.talking->descriptor(), &event); });
}

/// Gives up what takes too long, and brings up what was down long enough.
void engine::look_after(caller& who, clock::time_point now) {
    if (who.socket) {
        if (now - who.since > options_.timeout)
            failed(who, late_to_connect(targets_[who.target], options_.timeout));
    } else if (who.talking) {
        if (now > who.talking->deadline(options_.timeout)) failed(who, who.talking->late(options_.timeout));
    } else if (now >= who.since && result_.book.requests_left > 0) {
        open(who);
    }
}

// ---- All of them. ----

/// A part at a time, so that those already open do not wait for the rest.
void engine::open_some() {
    constexpr std::size_t part = 64;
    for (std::size_t count = 0; count < part && !all_opened() && result_.book.requests_left > 0; ++count)
        open(callers_[opened_++]);
}

void engine::wait_and_go_on() {
    auto next = next_tick_;
    if (!counting_) next = std::min(next, result_.book.from);
    if (!ended_) next = std::min(next, result_.book.until);
    const auto patience = all_opened() ? std::chrono::ceil<milliseconds>(next - clock::now()) : 0ms;
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::clamp<milliseconds>(patience, 0ms, tick).count()));
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int each = 0; each < count; ++each) {
        auto* who = static_cast<caller*>(events[static_cast<std::size_t>(each)].data.ptr);
        if (!who)
            interrupt();
        else if (who->is_up())
            go_on(*who);
    }
}

void engine::interrupt() {
    check("epoll_ctl", [&] { return epoll_ctl(poll_.get(), EPOLL_CTL_DEL, stop_, nullptr); });
    end_counting(ending::interrupted, clock::now());
}

void engine::pass_time(clock::time_point now) {
    const auto& book = result_.book;
    if (!counting_ && now >= book.from) {
        counting_ = true;
        cpu_before_ = own_cpu_time();
        note_moment(now);
    }
    if (now >= book.until) end_counting(ending::time_over, book.until);
    if (book.requests_left == 0) stop_connecting();
    if (now < next_tick_) return;

    next_tick_ = now + tick;
    for (std::size_t each = 0; each < opened_; ++each) look_after(callers_[each], now);
    const auto without_answer = now - std::max(begun_, book.latest);
    if (options_.total && book.requests_left > 0 && without_answer > 2 * (options_.timeout + plan_.least_time))
        end_counting(ending::no_progress, now);
    if (counting_ && !ended_) note_moment(now);
    if (watch_) watch_(now - begun_, book);
}

void engine::note_moment(clock::time_point now) {
    const auto& times = result_.book.latency;
    const std::chrono::duration<double> mean = times.mean();
    result_.course.push_back(
        {now - result_.book.from, times.count(), mean.count() * static_cast<double>(times.count())});
}

/// Nothing more will be asked, so nobody else needs to come.
void engine::stop_connecting() {
    opened_ = callers_.size();
    for (auto& each : callers_)
        if (each.socket) close(each);
}

/// The figures are complete, except for what is still in flight.
void engine::end_counting(ending how, clock::time_point now) {
    if (std::exchange(ended_, true)) return;
    auto& book = result_.book;
    book.requests_left = 0;
    book.until = now;
    result_.end = how;
    result_.counted = std::max<clock::duration>(now - book.from, 0s);
    if (counting_) {
        const auto after = own_cpu_time();
        result_.used = {after.user - cpu_before_.user, after.system - cpu_before_.system};
        const std::chrono::duration<double> used = result_.used.user + result_.used.system,
                                            time = now - book.from;
        if (time > tick) result_.busiest = used / time;
    }
    for (auto& each : callers_) {
        each.note_progress();
        if (each.ever_answered)
            ++result_.served;
        else if (each.ever_asked)
            ++result_.unanswered;
        if (!each.ever_answered) close(each);
    }
}

load_result engine::run() {
    auto& book = result_.book;
    begun_ = clock::now();
    book.from = begun_ + warm_up_of(options_);
    if (options_.duration) book.until = begun_ + *options_.duration;
    if (options_.total) book.requests_left = *options_.total;
    while (!is_over()) {
        open_some();
        wait_and_go_on();
        pass_time(clock::now());
    }
    end_counting(ending::requests_done, std::max(book.latest, book.from));
    result_.network = kernel_counters::now() - network_before_;
    return std::move(result_);
}

} // namespace

double load_result::rate() const {
    const std::chrono::duration<double> seconds = counted;
    return seconds.count() > 0 ? static_cast<double>(book.answered) / seconds.count() : 0;
}

load_result generate_load(const load_options& options, int stop, const load_watch& watch) {
    check_consistency(options);
    make_room_for(options.connections);
    return engine{options, stop, watch}.run();
}

} // namespace parley
