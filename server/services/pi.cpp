// Work for the processor: threads share it only as far as there are cores, and an event loop that did it
// itself would keep everybody waiting. So the work is a step, which the driver may give to another thread.
#include "common/pi_digits.hpp"
#include "server/service.hpp"
#include "server/services/number.hpp"

#include <fmt/format.h>

namespace parley {

session pi(server_state& shared) {
    const auto most = shared.options.max_digits;
    const auto nonsense = fmt::format("error: write how many decimals of pi, from 1 to {}\n", most);
    while (const auto line = co_await read_line()) {
        auto answer = nonsense;
        if (const auto digits = number_in(*line, "pi", 1, most)) {
            auto work = [&] { answer = pi_digits(*digits) + '\n'; };
            co_await run(work);
        }
        co_await reply(answer);
    }
}

} // namespace parley
