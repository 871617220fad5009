// A wait without work, as for a disk or another server. A thread that waits cannot serve another client; a
// suspended session costs a few hundred bytes.
#include "server/service.hpp"
#include "server/services/number.hpp"

#include <fmt/format.h>

namespace parley {

session wait(server_state& shared) {
    const auto max = static_cast<int>(shared.options.max_wait.count());
    const auto usage = fmt::format("error: write how many milliseconds to wait, from 0 to {}\n", max);
    while (const auto line = co_await read_line()) {
        auto response = usage;
        if (const auto time = number_in(*line, "wait", 0, max)) {
            co_await pause(std::chrono::milliseconds{*time});
            response = fmt::format("waited {} ms\n", *time);
        }
        co_await reply(response);
    }
}

} // namespace parley
