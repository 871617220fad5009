// Non-blocking connect(2) with a time limit.
#pragma once

#include "client/conversation/failures.hpp"
#include "common/net/address.hpp"
#include "common/net/connection.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <span>

namespace parley {

/// Starts to connect a non-blocking socket (close-on-exec; TCP: with TCP_NODELAY). It becomes writable on
/// success or failure. If `source` is given, the socket is bound to that address; the kernel chooses the port
/// in connect(2) (IP_BIND_ADDRESS_NO_PORT, ip(7)), so that ports can be shared between destinations. Throws
/// std::system_error on failure, std::invalid_argument for a datagram address.
unique_fd begin_connecting(const address& address, const parley::address* source = nullptr);

/// Completes the connection when the socket is writable. Throws std::system_error("connect ADDRESS") if it
/// failed.
void end_connecting(const unique_fd& socket, const address& address);

/// Returns the failure for a connection that was not established within `limit`.
failure late_to_connect(const address& address, std::chrono::milliseconds limit);

/// Tries the addresses in order, each for at most `limit`, and returns the first connection, which is
/// non-blocking. Throws the error of the last address: std::system_error or conversation_failed.
connection connect_to(std::span<const address> addresses, std::chrono::milliseconds limit);

} // namespace parley
