// Sends every byte back, until end of input (RFC 862). The smallest service that reads.
#include "server/service.hpp"

namespace parley {

session echo(server_state&) {
    while (const auto bytes = co_await read_some()) co_await reply(*bytes);
}

} // namespace parley
