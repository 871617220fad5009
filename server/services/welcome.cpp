// Greets each client and closes the connection: the server of the last page of the lecture notes.
#include "server/service.hpp"

namespace parley {

session welcome(server_state& shared) {
    const auto greeting = shared.options.greeting + '\n';
    co_await reply(greeting);
}

} // namespace parley
