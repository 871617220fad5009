#include "server/connection_log.hpp"

#include "common/log.hpp"

#include <system_error>

namespace parley {

namespace {

/// True if the peer or the network has ended the connection (tcp(7), send(2), recv(2)).
bool is_peer_error(const std::exception& reason) {
    const auto* error = dynamic_cast<const std::system_error*>(&reason);
    if (!error || error->code().category() != std::generic_category()) return false;
    switch (error->code().value()) {
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN: return true;
    default: return false;
    }
}

} // namespace

connection_log::connection_log(const connection& connection, worker& worker)
    : connection_{connection}, worker_{worker} {
    worker_.begin_connection(connection.peer());
    if (log::is_detailed())
        log::debug("{}: connected to worker {}", connection_.peer().to_string(), worker_.number());
}

void connection_log::failed(const std::exception& reason) const noexcept {
    const bool is_own = !is_peer_error(reason);
    if (!is_own && !log::is_detailed()) return;
    try {
        const auto peer = connection_.peer().to_string();
        if (is_own)
            log::error("{}: {}", peer, reason.what());
        else
            log::debug("{}: {}", peer, reason.what());
    } catch (const std::bad_alloc&) { // then it is not logged
    }
}

connection_log::~connection_log() {
    worker_.end_connection();
    if (!log::is_detailed()) return;
    try {
        log::debug("{}: ended", connection_.peer().to_string());
    } catch (const std::bad_alloc&) {
    }
}

} // namespace parley
