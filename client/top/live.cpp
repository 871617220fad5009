#include "client/top/live.hpp"

#include "client/top/page.hpp"
#include "client/top/terminal.hpp"
#include "common/output.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Which part of a long list is seen.
class scrolled_list {
public:
    /// `size` lines, of which `room` have room.
    void fit(std::size_t size, std::size_t room) {
        room_ = room;
        last_first_ = size - std::min(room, size);
        first_ = std::min(first_, last_first_);
    }
    void scroll(terminal::key by) {
        using enum terminal::key;
        const auto page = std::max<std::size_t>(room_, 1);
        if (by == up || by == page_up) first_ -= std::min(first_, by == up ? 1 : page);
        if (by == down || by == page_down) first_ = std::min(first_ + (by == down ? 1 : page), last_first_);
        if (by == first) first_ = 0;
        if (by == last) first_ = last_first_;
    }
    [[nodiscard]] std::size_t first_line() const { return first_; }

private:
    std::size_t first_ = 0, room_ = 0, last_first_ = 0;
};

void draw(terminal& on, const page& shown, scrolled_list& list) {
    std::size_t row = 0;
    for (const auto& line : shown.head(on.rows() / 4)) {
        on.put(row, line, row == 0 ? terminal::style::bold : terminal::style::plain);
        ++row;
    }
    on.put(row++, shown.heading(), terminal::style::reversed);

    const auto room = on.rows() - std::min(row + 1, on.rows());
    list.fit(shown.size(), room);
    const auto from = list.first_line(), to = std::min(from + room, shown.size());
    for (auto i = from; i < to; ++i) on.put(row++, shown.line(i));

    const auto part = to - from < shown.size() ? fmt::format("{} to {} of {}: arrows and page keys scroll; ",
                                                             from + 1, to, shown.size())
                                               : "";
    on.put(on.rows() - 1, part + "q quits", terminal::style::bold);
    on.show();
}

/// Waits for a key, the end of the server, a signal, or `time`. False: the terminal has gone, or a stop was
/// requested.
bool wait(const scoreboard_view& view, milliseconds time) {
    std::array<pollfd, 3> news{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{view.descriptor(), POLLIN, 0},
                               pollfd{stop_signal::descriptor(), POLLIN, 0}};
    poll(news.data(), news.size(), static_cast<int>(std::max(time.count(), milliseconds::rep{0})));
    return !stop_signal::is_requested() && !(news[0].revents & (POLLHUP | POLLERR));
}

/// False: the server has ended.
bool watch_on(terminal& on, scoreboard_view& view, milliseconds interval) {
    auto first = view.take_snapshot();
    if (!first) return false;
    observation seen{std::move(*first)};
    scrolled_list list;
    for (auto look_again = steady_clock::now() + interval;;) {
        draw(on, page{view.server(), seen, on.columns()}, list);
        if (!wait(view, std::chrono::ceil<milliseconds>(look_again - steady_clock::now()))) return true;
        for (auto key = on.next_key(); key != terminal::key::none; key = on.next_key()) {
            if (key == terminal::key::quit) return true;
            list.scroll(key);
        }
        if (!view.has_ended() && steady_clock::now() < look_again) continue;
        auto later = view.take_snapshot();
        if (!later) return false;
        seen.look_again(std::move(*later));
        look_again = seen.now().at + interval;
    }
}

} // namespace

void watch(scoreboard_view& view, milliseconds interval) {
    stop_signal::install({});
    bool ended = false;
    {
        terminal whole;
        ended = !watch_on(whole, view, interval);
    }
    stop_signal::disarm();
    if (ended) print_result("parley-server {} has ended\n", view.server().process);
}

} // namespace parley
