// One log for all processes and threads of a server: lines on standard error, written at once and whole, so
// that nothing is lost or doubled at fork(2), and escaped, so that no peer can forge one. Use spdlog::info(...)
// and its like; this only sets it up.
#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

namespace parley {

/// `level`: trace, debug, info, warn, error or off. Throws std::invalid_argument for another one.
/// A log that cannot be written (disk full, reader gone or too slow) loses lines, and never stops a server.
void set_up_log(std::string_view level);

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
