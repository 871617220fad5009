// Numeric hosts are read here, without the resolver: it would map libraries into every forking server.
#include "common/address.hpp"

#include "common/check.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <stdexcept>
#include <sys/un.h>

namespace parley {

namespace {

[[noreturn]] void reject(std::string_view text, std::string_view why) {
    throw std::invalid_argument("bad address '" + std::string{text} + "': " + std::string{why});
}

in_port_t parse_port(std::string_view text, std::string_view port) {
    in_port_t number = 0;
    const auto* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data(), end, number);
    if (error != std::errc{} || stop != end) reject(text, "the port is a number from 0 to 65535");
    return number;
}

} // namespace

endpoint parse_endpoint(std::string_view text) {
    constexpr std::string_view form = "write HOST:PORT, as in 127.0.0.1:9999 or [::1]:9999";
    const auto colon = text.rfind(':');
    if (colon == text.npos) reject(text, form);
    auto host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty()) reject(text, form);
    if (!bracketed && host.find(':') != host.npos)
        reject(text, "write an IPv6 address in brackets: [::1]:9999");
    if (host.find('\0') != host.npos) reject(text, form);
    return {std::string{host}, parse_port(text, text.substr(colon + 1))};
}

address::address(const sockaddr* data, socklen_t size, int type) : size_{size}, type_{type} {
    if (size > sizeof storage_) throw std::invalid_argument("an address of a family that parley does not know");
    std::memcpy(&storage_, data, size);
}

namespace {

address unix_address(std::string_view text, std::string_view path) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof un.sun_path || path.find('\0') != path.npos)
        reject(text, "the path of a UNIX socket has 1 to 107 characters, as in unix:/tmp/parley.sock");
    path.copy(un.sun_path, path.size());
    return {reinterpret_cast<const sockaddr*>(&un),
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1)};
}

std::vector<address> internet_addresses(std::string_view text, int type) {
    const auto [host, port] = parse_endpoint(text);

    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
        return {address{reinterpret_cast<const sockaddr*>(&v4), sizeof v4, type}};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1)
        return {address{reinterpret_cast<const sockaddr*>(&v6), sizeof v6, type}};

    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* found = nullptr;
    const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failure != 0) throw std::runtime_error("no such host '" + host + "': " + gai_strerror(failure));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
    std::vector<address> all;
    for (const auto* each = found; each; each = each->ai_next)
        all.emplace_back(each->ai_addr, each->ai_addrlen, type);
    return all;
}

} // namespace

std::vector<address> address::resolve(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:", udp_prefix = "udp:";
    if (text.starts_with(unix_prefix)) return {unix_address(text, text.substr(unix_prefix.size()))};
    if (text.starts_with(udp_prefix)) return internet_addresses(text.substr(udp_prefix.size()), SOCK_DGRAM);
    return internet_addresses(text, SOCK_STREAM);
}

address address::of(int socket) {
    address bound;
    socklen_t size = sizeof bound.type_;
    check("getsockopt", [&] { return getsockopt(socket, SOL_SOCKET, SO_TYPE, &bound.type_, &size); });
    bound.size_ = sizeof bound.storage_;
    check("getsockname",
          [&] { return getsockname(socket, reinterpret_cast<sockaddr*>(&bound.storage_), &bound.size_); });
    return bound;
}

address address::of_peer(int socket) {
    address peer;
    peer.size_ = sizeof peer.storage_;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer.storage_), &peer.size_) != 0) return {};
    return peer;
}

std::string address::path() const {
    if (family() != AF_UNIX) return {};
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage_);
    const auto length = size_ - std::min<std::size_t>(size_, offsetof(sockaddr_un, sun_path));
    return {un.sun_path, strnlen(un.sun_path, length)};
}

bool address::is_local() const {
    if (family() == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr);
    if (family() != AF_INET) return true;
    const auto host = ntohl(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr);
    return host >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

std::string address::to_string() const {
    if (family() == AF_UNIX) return "unix:" + path();
    const std::string prefix = type_ == SOCK_DGRAM ? "udp:" : "";
    char host[INET6_ADDRSTRLEN] = "?";
    if (family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage_);
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        return prefix + '[' + host + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage_);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return prefix + host + ':' + std::to_string(ntohs(v4.sin_port));
}

} // namespace parley
