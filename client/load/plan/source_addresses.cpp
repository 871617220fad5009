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

constexpr std::uint32_t most_addresses = 65'536;

address ip4(in_addr_t number) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = number;
    return {reinterpret_cast<const sockaddr*>(&here), sizeof here};
}

std::optional<address> numeric(const std::string& text) {
    in_addr four{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ip4(four.s_addr);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1)
        return address{reinterpret_cast<const sockaddr*>(&six), sizeof six};
    return std::nullopt;
}

std::vector<address> of_interface(const std::string& name) {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned{first, freeifaddrs};
    std::vector<address> all;
    for (const auto* each = first; each; each = each->ifa_next) {
        if (!each->ifa_addr || name != each->ifa_name) continue;
        if (each->ifa_addr->sa_family == AF_INET) all.emplace_back(each->ifa_addr, sizeof(sockaddr_in));
        if (each->ifa_addr->sa_family == AF_INET6) all.emplace_back(each->ifa_addr, sizeof(sockaddr_in6));
    }
    return all;
}

[[noreturn]] void fail(const std::string& text, std::string_view why) {
    throw std::invalid_argument(
        fmt::format("--source {}: {}; write an address, a range such as 127.0.0.1-127.0.0.9, or "
                    "an interface such as eth0",
                    in_quotes(text), why));
}

void add_one(const std::string& text, std::vector<address>& all) {
    if (const auto one = numeric(text)) return all.push_back(*one);
    const auto dash = text.find('-');
    in_addr first{}, last{};
    if (dash != text.npos && inet_pton(AF_INET, text.substr(0, dash).c_str(), &first) == 1 &&
        inet_pton(AF_INET, text.substr(dash + 1).c_str(), &last) == 1) {
        const auto from = ntohl(first.s_addr), to = ntohl(last.s_addr);
        if (to < from) fail(text, "it ends before it begins");
        if (to - from >= most_addresses) fail(text, "it has more than 65536 addresses");
        for (std::uint32_t each = 0; each <= to - from; ++each) all.push_back(ip4(htonl(from + each)));
        return;
    }
    const auto found = of_interface(text);
    if (found.empty())
        fail(text, "it is neither an address, nor a range of IPv4 addresses, nor an interface with one");
    all.insert(all.end(), found.begin(), found.end());
}

} // namespace

std::vector<address> parse_sources(std::string_view text) {
    std::vector<address> all;
    for (std::size_t begin = 0;;) {
        const auto comma = text.find(',', begin);
        add_one(std::string{text.substr(begin, comma - begin)}, all);
        if (comma == text.npos) return all;
        begin = comma + 1;
    }
}

void check_ours(const std::vector<address>& sources) {
    for (const auto& each : sources) {
        const unique_fd probe{
            check("socket", [&] { return socket(each.family(), SOCK_STREAM | SOCK_CLOEXEC, 0); })};
        if (bind(probe.get(), each.data(), each.size()) != 0)
            throw std::invalid_argument(fmt::format("--source {}: connections cannot come from there: {}",
                                                    parse_endpoint(each.to_string()).host,
                                                    std::strerror(errno)));
    }
}

std::size_t ports_of_our_own() {
    std::size_t first = 32'768, last = 60'999;
    std::ifstream{"/proc/sys/net/ipv4/ip_local_port_range"} >> first >> last;
    return last >= first ? last - first + 1 : 0;
}

std::vector<address> reachable_from(const std::vector<address>& sources, std::vector<address> targets) {
    if (sources.empty()) return targets;
    if (targets.front().family() == AF_UNIX)
        throw std::invalid_argument("--source is of no use for a UNIX socket: leave it out");
    const auto first = targets.front().to_string();
    std::erase_if(targets, [&](const address& target) {
        return std::ranges::find(sources, target.family(), &address::family) == sources.end();
    });
    if (targets.empty())
        throw std::invalid_argument(fmt::format("no --source is of the same family as {}", first));
    return targets;
}

void check_ports(int connections, const std::vector<address>& sources, const std::vector<address>& targets) {
    if (targets.front().family() == AF_UNIX) return;
    std::ptrdiff_t usable = 0; // pairs of a source and a target
    for (const auto& target : targets)
        usable += sources.empty() ? 1 : std::ranges::count(sources, target.family(), &address::family);
    const auto ours = static_cast<std::size_t>(usable);
    const auto ports = ports_of_our_own();
    if (static_cast<std::size_t>(connections) <= ours * ports) return;
    throw std::invalid_argument(fmt::format(
        "{} connections to {} need as many ports, and {} pairs of addresses have {} each: add addresses "
        "(--source 127.0.0.1-127.0.0.9), or widen net.ipv4.ip_local_port_range",
        connections, targets.front().to_string(), ours, ports));
}

} // namespace parley
