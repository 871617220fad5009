// One log for all processes and threads of a server: lines on standard error, written at once and whole, so
// that nothing is lost or doubled at fork(2), and escaped, so that no peer can forge one. spdlog writes them;
// only log.cpp knows, since its headers are more text than most of our files.
#pragma once

#include <atomic>
#include <chrono>
#include <fmt/core.h>
#include <string_view>

namespace parley {

/// `level`: trace, debug, info, warn, error or off. Throws std::invalid_argument for another one.
/// A log that cannot be written (disk full, reader gone or too slow) loses lines, and never stops a server.
void set_up_log(std::string_view level);

namespace log {

enum class severity { debug, info, warn, error };

/// Are lines of `severity::debug` written? Ask before a line that costs much to put together.
bool is_detailed();

/// A line that cannot be put together, for lack of memory, is lost.
void write(severity how, fmt::string_view form, fmt::format_args arguments) noexcept;

template <class... Arguments>
void debug(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write(severity::debug, form, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void info(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write(severity::info, form, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void warn(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write(severity::warn, form, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void error(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write(severity::error, form, fmt::make_format_args(arguments...));
}

} // namespace log

/// True at most once a second, in whichever thread: for what would otherwise fill the log.
class once_a_second {
public:
    [[nodiscard]] bool operator()() {
        using std::chrono::steady_clock;
        const auto now = steady_clock::now().time_since_epoch();
        auto next = next_.load();
        return now.count() >= next && next_.compare_exchange_strong(
                                          next, steady_clock::duration{now + std::chrono::seconds{1}}.count());
    }

private:
    std::atomic<std::chrono::steady_clock::rep> next_{0};
};

} // namespace parley
