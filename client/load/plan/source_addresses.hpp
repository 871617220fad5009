// Source addresses of connections (--source). One port serves one connection per pair of source and
// destination, and the kernel hands out about 28,000 ports (ip(7), ip_local_port_range). More connections to
// one server need more source addresses.
#pragma once

#include "common/net/address.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Parses "127.0.0.1-127.0.0.9", "10.0.0.5", "eth0" (all its addresses), or a list of them with commas between.
/// Throws std::invalid_argument that quotes the wrong text and says what is wrong with it.
std::vector<address> parse_sources(std::string_view text);

/// Throws std::invalid_argument if an address does not belong to this machine.
void check_local(const std::vector<address>& sources);

/// Returns the number of ports that the kernel assigns (net.ipv4.ip_local_port_range).
std::size_t ephemeral_ports();

/// Returns the targets that connections from the sources can reach: those of the same address family. `targets`
/// must not be empty. Throws std::invalid_argument if no target is left.
std::vector<address> reachable_from(const std::vector<address>& sources, std::vector<address> targets);

/// Throws std::invalid_argument if there are too few ports for this number of connections to these targets.
void check_ports(int connections, const std::vector<address>& sources, const std::vector<address>& targets);

} // namespace parley
