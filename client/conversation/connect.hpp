// From an address to a connection that never waits: connect(2) without blocking, so that it can be given up.
#pragma once

#include "client/conversation/failures.hpp"
#include "common/net/address.hpp"
#include "common/net/connection.hpp"
#include "common/unique_fd.hpp"

#include <chrono>
#include <span>

namespace parley {

/// Begins to connect a non-blocking socket (close-on-exec; of TCP: with TCP_NODELAY). It is writable once that
/// has succeeded or failed. Throws std::system_error where it cannot even begin, std::invalid_argument for an
/// address of datagrams. It comes `from` that address of ours, where one is given, whose port the kernel
/// chooses as for any other connection (IP_BIND_ADDRESS_NO_PORT, ip(7)).
unique_fd begin_connecting(const address& to, const address* from = nullptr);

/// To be called when the socket is writable. Throws std::system_error("connect ADDRESS") where it failed.
void end_connecting(const unique_fd& socket, const address& to);

/// What is wrong with a connection that was not made within `limit`.
failure late_to_connect(const address& to, std::chrono::milliseconds limit);

/// Tries each address in turn, each no longer than `limit`, and waits until one has answered. Its connection
/// is non-blocking. Throws what is wrong with the last one: std::system_error or conversation_failed.
connection connect_to(std::span<const address> all, std::chrono::milliseconds limit);

} // namespace parley
