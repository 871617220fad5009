// CPU-bound work. An event loop that did it itself would let all other clients wait; so the work is a step of
// the session (compute), which the driver may pass to another thread.
#include "common/pi_digits.hpp"
#include "server/service.hpp"
#include "server/services/number.hpp"

#include <fmt/format.h>

namespace parley {

session pi(server_state& shared) {
    const auto max = shared.options.max_digits;
    const auto usage = fmt::format("error: write how many decimals of pi, from 1 to {}\n", max);
    while (const auto line = co_await read_line()) {
        auto response = usage;
        if (const auto digits = number_in(*line, "pi", 1, max)) {
            auto work = [&] { response = pi_digits(*digits) + '\n'; };
            co_await run(work);
        }
        co_await reply(response);
    }
}

} // namespace parley
