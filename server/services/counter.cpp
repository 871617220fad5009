// Counts the lines of all clients together: a lesson in shared memory and locks.
#include "server/service.hpp"

#include <fmt/format.h>

namespace parley {

session counter(server_state& shared) {
    while (co_await read_line()) {
        const auto value = fmt::format("{}\n", shared.visits.add_one());
        co_await reply(value);
    }
}

} // namespace parley
