// Many clients, and many requests, in one thread: coroutines on an event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Serves clients at a port of 127.0.0.1, each by a session greet(), all in the calling thread. With port 0 the
/// kernel chooses one. Calls `ready` with the port once clients can connect. A session that fails costs its own
/// client only. Does not return.
void run_server(std::uint16_t port, const std::function<void(std::uint16_t)>& ready);

/// Sends requests to the server at a port of 127.0.0.1, each over a connection of its own, at most `limit` at a
/// time, all in the calling thread. Returns the replies, in the order of the requests; nullopt if a request has
/// failed, which costs no other one.
std::vector<std::optional<std::string>> fetch_all(std::uint16_t port, const std::vector<std::string>& requests,
                                                  std::size_t limit);
