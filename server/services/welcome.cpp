// The server of the lecture's last page: it greets whoever comes, and closes.
#include "server/service.hpp"

namespace parley {

session welcome(server_state& shared) {
    const auto greeting = shared.options.greeting + '\n';
    co_await reply(greeting);
}

} // namespace parley
