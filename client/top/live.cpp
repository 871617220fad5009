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

/// Scroll position of a list that may be longer than the screen.
class scrolled_list {
public:
    /// Adapts the position to a list of `size` lines on a screen with `rows` rows for it.
    void fit(std::size_t size, std::size_t rows) {
        rows_ = rows;
        last_first_ = size - std::min(rows, size);
        first_ = std::min(first_, last_first_);
    }
    void scroll(terminal::key key) {
        using enum terminal::key;
        const auto page = std::max<std::size_t>(rows_, 1);
        if (key == up || key == page_up) first_ -= std::min(first_, key == up ? 1 : page);
        if (key == down || key == page_down) first_ = std::min(first_ + (key == down ? 1 : page), last_first_);
        if (key == first) first_ = 0;
        if (key == last) first_ = last_first_;
    }
    [[nodiscard]] std::size_t first_line() const { return first_; }

private:
    std::size_t first_ = 0;      // first visible line
    std::size_t last_first_ = 0; // first visible line at the end of the list
    std::size_t rows_ = 0;
};

void draw(terminal& terminal, const page& page, scrolled_list& list) {
    std::size_t row = 0;
    for (const auto& line : page.head(terminal.rows() / 4)) {
        terminal.put(row, line, row == 0 ? terminal::style::bold : terminal::style::plain);
        ++row;
    }
    terminal.put(row++, page.heading(), terminal::style::reversed);

    const auto list_rows = terminal.rows() - std::min(row + 1, terminal.rows());
    list.fit(page.size(), list_rows);
    const auto from = list.first_line(), to = std::min(from + list_rows, page.size());
    for (auto i = from; i < to; ++i) terminal.put(row++, page.line(i));

    const auto position = to - from < page.size() ? fmt::format("{} to {} of {}: arrows and page keys scroll; ",
                                                                from + 1, to, page.size())
                                                  : "";
    terminal.put(terminal.rows() - 1, position + "q quits", terminal::style::bold);
    terminal.show();
}

/// Waits for a key, the end of the server, a signal, or `time`. Returns false if the terminal was closed or a
/// stop was requested.
bool wait(const scoreboard_view& view, milliseconds time) {
    std::array<pollfd, 3> watched{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{view.descriptor(), POLLIN, 0},
                                  pollfd{stop_signal::descriptor(), POLLIN, 0}};
    poll(watched.data(), watched.size(), static_cast<int>(std::max(time.count(), milliseconds::rep{0})));
    return !stop_signal::is_requested() && !(watched[0].revents & (POLLHUP | POLLERR));
}

/// Redraws the page until the user quits. Returns false if the server has ended.
bool watch_on(terminal& terminal, scoreboard_view& view, milliseconds interval) {
    auto first = view.take_snapshot();
    if (!first) return false;
    observation observation{std::move(*first)};
    scrolled_list list;
    for (auto next_update = steady_clock::now() + interval;;) {
        draw(terminal, page{view.server(), observation, terminal.columns()}, list);
        if (!wait(view, std::chrono::ceil<milliseconds>(next_update - steady_clock::now()))) return true;
        for (auto key = terminal.next_key(); key != terminal::key::none; key = terminal.next_key()) {
            if (key == terminal::key::quit) return true;
            list.scroll(key);
        }
        if (!view.has_ended() && steady_clock::now() < next_update) continue;
        auto later = view.take_snapshot();
        if (!later) return false;
        observation.update(std::move(*later));
        next_update = observation.now().at + interval;
    }
}

} // namespace

void watch(scoreboard_view& view, milliseconds interval) {
    stop_signal::install({});
    bool has_ended = false;
    {
        terminal terminal; // gives the terminal back before a message is printed
        has_ended = !watch_on(terminal, view, interval);
    }
    stop_signal::disarm();
    if (has_ended) print_result("parley-server {} has ended\n", view.server().process);
}

} // namespace parley
