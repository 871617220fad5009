// Parses and prints socket addresses. Numeric hosts bypass getaddrinfo(3), which would load the resolver's
// libraries: every mapping makes fork(2) in a server dearer.
#include "common/net/address.hpp"

#include "common/check.hpp"
#include "common/escaped.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <stdexcept>
#include <sys/un.h>

namespace parley {

namespace {

[[noreturn]] void reject(std::string_view text, std::string_view reason) {
    throw std::invalid_argument("bad address '" + std::string{text} + "': " + std::string{reason});
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

/// Returns the bytes of an abstract name as to_string() prints it: undoes \\ and \xHH of escaped(). Throws
/// std::invalid_argument if a backslash is followed by anything else.
std::string abstract_name(std::string_view text, std::string_view escaped_name) {
    std::string name;
    for (std::size_t i = 0; i < escaped_name.size(); ++i) {
        if (escaped_name[i] != '\\') {
            name += escaped_name[i];
            continue;
        }
        const auto rest = escaped_name.substr(i + 1);
        unsigned char byte = 0;
        if (rest.starts_with('\\')) {
            name += '\\';
            i += 1;
        } else if (rest.size() >= 3 && rest[0] == 'x' &&
                   std::from_chars(rest.data() + 1, rest.data() + 3, byte, 16).ptr == rest.data() + 3) {
            name += static_cast<char>(byte);
            i += 3;
        } else {
            reject(text, R"(in an abstract name, write \\ for a backslash, and \xHH for any byte)");
        }
    }
    return name;
}

address unix_address(std::string_view text, std::string_view path) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const auto address_of = [&un](std::size_t length) {
        return address{reinterpret_cast<const sockaddr*>(&un),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)};
    };
    if (path.starts_with(
            '@')) { // an abstract name begins with a null byte; its length is that of the address (unix(7))
        const auto name = abstract_name(text, path.substr(1));
        if (name.empty() || name.size() >= sizeof un.sun_path)
            reject(text, "the name of an abstract UNIX socket has 1 to 107 bytes, as in unix:@parley");
        name.copy(un.sun_path + 1, name.size());
        return address_of(1 + name.size());
    }
    if (path.empty() || path.size() >= sizeof un.sun_path || path.find('\0') != path.npos)
        reject(text, "the path of a UNIX socket has 1 to 107 characters, as in unix:/tmp/parley.sock");
    path.copy(un.sun_path, path.size());
    return address_of(path.size() + 1);
}

/// Returns the scope id of a zone, which is an interface by name or number (fe80::1%eth0, RFC 4007). Throws
/// std::invalid_argument if there is no such interface.
std::uint32_t zone_number(std::string_view text, const std::string& zone) {
    if (const auto number = if_nametoindex(zone.c_str())) return number;
    std::uint32_t number = 0;
    const auto* end = zone.data() + zone.size();
    const auto [stop, error] = std::from_chars(zone.data(), end, number);
    if (error != std::errc{} || stop != end || number == 0) reject(text, "there is no such network interface");
    return number;
}

std::string zone_name(std::uint32_t number) {
    char name[IF_NAMESIZE];
    return '%' + (if_indextoname(number, name) ? std::string{name} : std::to_string(number));
}

std::vector<address> internet_addresses(std::string_view text, int type) {
    const auto [host, port] = parse_endpoint(text);

    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
        return {address{reinterpret_cast<const sockaddr*>(&v4), sizeof v4, type}};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const auto percent = host.find('%');
    if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &v6.sin6_addr) == 1) {
        if (percent != host.npos) v6.sin6_scope_id = zone_number(text, host.substr(percent + 1));
        return {address{reinterpret_cast<const sockaddr*>(&v6), sizeof v6, type}};
    }

    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* found = nullptr;
    const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failure != 0) throw std::runtime_error("no such host '" + host + "': " + gai_strerror(failure));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
    std::vector<address> addresses;
    for (const auto* entry = found; entry; entry = entry->ai_next) {
        const address next{entry->ai_addr, entry->ai_addrlen, type};
        // /etc/hosts may list an address twice.
        if (std::ranges::find(addresses, next.to_string(), &address::to_string) == addresses.end())
            addresses.push_back(next);
    }
    return addresses;
}

} // namespace

std::vector<address> address::resolve(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:", udp_prefix = "udp:";
    if (text.starts_with(unix_prefix)) return {unix_address(text, text.substr(unix_prefix.size()))};
    if (text.find("://") != text.npos)
        reject(text, "it is a URL: write HOST:PORT (and what to say with --send or --say)");
    if (text.starts_with(udp_prefix)) return internet_addresses(text.substr(udp_prefix.size()), SOCK_DGRAM);
    return internet_addresses(text, SOCK_STREAM);
}

address address::of_socket(int socket) {
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

in_port_t address::port() const {
    if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
    return 0;
}

address address::with_port(in_port_t port) const {
    auto copy = *this;
    if (family() == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(copy.storage_).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(copy.storage_).sin_port = htons(port);
    return copy;
}

bool address::is_local() const {
    if (family() == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr);
    if (family() != AF_INET) return true;
    const auto host = ntohl(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr);
    return host >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

std::string address::unix_name() const {
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage_);
    const auto length = size_ - std::min<std::size_t>(size_, offsetof(sockaddr_un, sun_path));
    if (length > 1 && un.sun_path[0] == '\0') {
        auto name = '@' + escaped({un.sun_path + 1, length - 1});
        for (auto space = name.find(' '); space != name.npos; space = name.find(' '))
            name.replace(space, 1,
                         "\\x20"); // logs and ready lines separate an address from other words by spaces
        return name;
    }
    auto file = path();
    const auto is_control = [](char byte) { return (byte >= 0 && byte < ' ') || byte == '\x7f'; };
    return std::ranges::any_of(file, is_control) ? escaped(file) : file;
}

std::string address::to_string() const {
    if (family() == AF_UNIX) return "unix:" + unix_name();
    const std::string prefix = type_ == SOCK_DGRAM ? "udp:" : "";
    char host[INET6_ADDRSTRLEN] = "?";
    if (family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage_);
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        const auto zone = v6.sin6_scope_id != 0 ? zone_name(v6.sin6_scope_id) : "";
        return prefix + '[' + host + zone + "]:" + std::to_string(port());
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage_);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return prefix + host + ':' + std::to_string(port());
}

} // namespace parley
