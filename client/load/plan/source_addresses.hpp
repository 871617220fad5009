// The addresses that connections come from. A port of ours can be used once for each pair of addresses, so more
// than 28,000 connections to one server need more than one address of ours.
#pragma once

#include "common/net/address.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Reads "127.0.0.1-127.0.0.9", "10.0.0.5", "eth0" (all its addresses), or several of them with commas between.
/// Throws std::invalid_argument that names the text and what is wrong with it.
std::vector<address> parse_sources(std::string_view text);

/// Throws std::invalid_argument for an address that is not this machine's.
void check_ours(const std::vector<address>& sources);

/// How many ports the kernel gives out by itself (net.ipv4.ip_local_port_range).
std::size_t ports_of_our_own();

/// Returns those of the targets, which are at least one, that connections from the sources can reach: of the
/// same family. Throws std::invalid_argument if there is none.
std::vector<address> reachable_from(const std::vector<address>& sources, std::vector<address> targets);

/// Throws std::invalid_argument where so many connections to these targets cannot have a port each, and says
/// what to do about it.
void check_ports(int connections, const std::vector<address>& sources, const std::vector<address>& targets);

} // namespace parley
