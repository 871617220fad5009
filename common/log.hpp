// The log of a server, for all its processes and threads: lines on standard error. Each line is written at once
// by one call, so that fork(2) neither loses nor duplicates buffered text. Lines are escaped, so that no peer
// can forge one. Only log.cpp includes spdlog, whose headers take long to compile.
#pragma once

#include <atomic>
#include <chrono>
#include <fmt/core.h>
#include <string_view>

namespace parley {

/// Sets the level: trace, debug, info, warn, error or off. Throws std::invalid_argument for any other text. A
/// log that cannot be written (disk full, no reader, slow reader) loses lines but never stops a server.
void set_up_log(std::string_view level);

namespace log {

enum class severity { debug, info, warn, error };

/// True if lines of severity::debug are written. Check it before composing an expensive line.
bool is_detailed();

/// Writes a line if its severity is enabled. Without memory to compose the line, it is lost.
void write(severity severity, fmt::string_view format, fmt::format_args arguments) noexcept;

template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(severity::debug, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(severity::info, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(severity::warn, format, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(severity::error, format, fmt::make_format_args(arguments...));
}

} // namespace log

/// Rate limit for log lines: true at most once a second over all threads.
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
