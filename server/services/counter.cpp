// How many lines have come from all clients together: shared memory and its lock, or the lack of one.
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
