// Every byte back, until the client's end (RFC 862). The smallest service with a conversation.
#include "server/service.hpp"

namespace parley {

session echo(server_state&) {
    while (const auto bytes = co_await read_some()) co_await reply(*bytes);
}

} // namespace parley
