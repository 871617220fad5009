#include "client/load/plan/source_addresses.hpp"

#include "client/conversation/expected_response.hpp"
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <ifaddrs.h>
#include <memory>
#include <optional>
#include <stdexcept>

namespace parley {

namespace {

// A range can be mistyped: a larger one would only take memory, since the ports of
// 65,536 addresses are far more than the connections of any load.
constexpr std::uint32_t most_addresses = 65'536;

address ipv4_address(in_addr_t number) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = number;
    return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

std::optional<address> parse_numeric(const std::string& text) {
    in_addr ipv4{};
    if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) return ipv4_address(ipv4.s_addr);
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) == 1)
        return address{reinterpret_cast<const sockaddr*>(&ipv6), sizeof ipv6};
    return std::nullopt;
}

/// Returns the addresses of a network interface; none if there is no such interface.
std::vector<address> addresses_of(const std::string& interface) {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned{first, freeifaddrs};
    std::vector<address> addresses;
    for (const auto* entry = first; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr || interface != entry->ifa_name) continue;
        if (entry->ifa_addr->sa_family == AF_INET) addresses.emplace_back(entry->ifa_addr, sizeof(sockaddr_in));
        if (entry->ifa_addr->sa_family == AF_INET6)
            addresses.emplace_back(entry->ifa_addr, sizeof(sockaddr_in6));
    }
    return addresses;
}

[[noreturn]] void fail(const std::string& text, std::string_view reason) {
    throw std::invalid_argument(
        fmt::format("--source {}: {}; write an address, a range such as 127.0.0.1-127.0.0.9, or "
                    "an interface such as eth0",
                    in_quotes(text), reason));
}

/// Parses one element of the list, and appends its addresses.
void add_sources(const std::string& text, std::vector<address>& addresses) {
    if (const auto address = parse_numeric(text)) return addresses.push_back(*address);
    const auto dash = text.find('-');
    in_addr first{}, last{};
    if (dash != text.npos && inet_pton(AF_INET, text.substr(0, dash).c_str(), &first) == 1 &&
        inet_pton(AF_INET, text.substr(dash + 1).c_str(), &last) == 1) {
        const auto from = ntohl(first.s_addr), to = ntohl(last.s_addr); // host byte order
        if (to < from) fail(text, "it ends before it begins");
        if (to - from >= most_addresses) fail(text, "it has more than 65536 addresses");
        for (std::uint32_t i = 0; i <= to - from; ++i) addresses.push_back(ipv4_address(htonl(from + i)));
        return;
    }
    const auto found = addresses_of(text);
    if (found.empty())
        fail(text, "it is neither an address, nor a range of IPv4 addresses, nor an interface with one");
    addresses.insert(addresses.end(), found.begin(), found.end());
}

} // namespace

std::vector<address> parse_sources(std::string_view text) {
    std::vector<address> addresses;
    for (std::size_t begin = 0;;) {
        const auto comma = text.find(',', begin);
        add_sources(std::string{text.substr(begin, comma - begin)}, addresses);
        if (comma == text.npos) return addresses;
        begin = comma + 1;
    }
}

void check_local(const std::vector<address>& sources) {
    for (const auto& source : sources) {
        const unique_fd probe{
            check("socket", [&] { return socket(source.family(), SOCK_STREAM | SOCK_CLOEXEC, 0); })};
        if (bind(probe.get(), source.data(), source.size()) != 0)
            throw std::invalid_argument(
                fmt::format("--source {}: cannot bind to it: {}; give an address of this machine",
                            parse_endpoint(source.to_string()).host, std::strerror(errno)));
    }
}

std::size_t ephemeral_ports() {
    // The kernel's default, in case the file cannot be read.
    std::size_t first = 32'768, last = 60'999;
    std::ifstream{"/proc/sys/net/ipv4/ip_local_port_range"} >> first >> last;
    return last >= first ? last - first + 1 : 0;
}

std::vector<address> reachable_from(const std::vector<address>& sources, std::vector<address> targets) {
    if (sources.empty()) return targets;
    if (targets.front().family() == AF_UNIX)
        throw std::invalid_argument("--source has no meaning for a UNIX socket: leave it out");
    const auto first = targets.front().to_string();
    std::erase_if(targets, [&](const address& target) {
        return std::ranges::find(sources, target.family(), &address::family) == sources.end();
    });
    if (targets.empty())
        throw std::invalid_argument(
            fmt::format("no --source has the address family of {}: add one that has", first));
    return targets;
}

void check_ports(int connections, const std::vector<address>& sources, const std::vector<address>& targets) {
    if (targets.front().family() == AF_UNIX) return;
    std::ptrdiff_t usable = 0; // pairs of a source and a target
    for (const auto& target : targets)
        usable += sources.empty() ? 1 : std::ranges::count(sources, target.family(), &address::family);
    const auto pairs = static_cast<std::size_t>(usable);
    const auto ports = ephemeral_ports();
    if (static_cast<std::size_t>(connections) <= pairs * ports) return;
    throw std::invalid_argument(fmt::format(
        "{} connections to {} need as many ports, and {} address pairs have {} ports each: add addresses "
        "(--source 127.0.0.1-127.0.0.9), or widen net.ipv4.ip_local_port_range",
        connections, targets.front().to_string(), pairs, ports));
}

} // namespace parley
