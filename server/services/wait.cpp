// Waiting without work, as for a disk or for another server: a thread that waits is a thread less, a
// suspended session is a few hundred bytes.
#include "server/service.hpp"
#include "server/services/number.hpp"

#include <fmt/format.h>

namespace parley {

session wait(server_state& shared) {
    const auto most = static_cast<int>(shared.options.max_wait.count());
    const auto nonsense = fmt::format("error: write how many milliseconds to wait, from 0 to {}\n", most);
    while (const auto line = co_await read_line()) {
        auto answer = nonsense;
        if (const auto time = number_in(*line, "wait", 0, most)) {
            co_await pause(std::chrono::milliseconds{*time});
            answer = fmt::format("waited {} ms\n", *time);
        }
        co_await reply(answer);
    }
}

} // namespace parley
